"""A bag's structure, read before its files: the top folder, the declaration, manifests, bag-info.txt, fetch.txt."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

from checks.evidence import Outcome
from checks.names import show
from checks.ports import Kind, NotFoundError, StoreError, WrongKindError
from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.bag.tags import declaration, fetching, info
from preserve.bag.tags.declaration import Declaration
from preserve.bag.tags.lines import BYTE_ORDER_MARK
from preserve.bag.tags.manifests import Manifest, ManifestReader, manifests_among
from preserve.bag.tags.paths import V1_0
from preserve.bag.tags.tagfiles import Lines, TagFiles, cause
from preserve.bag.trees import Tree
from preserve.bag.validating.elsewhere import hint
from preserve.bag.validating.judging import Judge, wrong_kind
from preserve.bag.validating.linting import of_bag, of_folder, of_info
from preserve.ordering import Sorter

DATA = b"data"
_MOST_MANIFESTS = 100  # there are fewer algorithms; every file is looked for in each of them

Found = Iterator[Finding]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judges:
    """Who judges the payload and the tag files. Without `names_known`, a payload manifest could not be read."""

    payload: Judge
    tags: Judge
    names_known: bool


class Structure:
    """What a bag says of itself. Each tag file is read once, for its lines and its digests."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.tag_files = TagFiles(tree)
        self.declared = Declaration()
        self.info: list[info.InfoEntry] = []
        self.oxum: info.Oxum | None = None
        self.faulty: set[bytes] = set()  # tag files that were said already not to be readable
        self._declaration = b""
        self._names_known = True

    def read(self, payload: Sorter, tags: Sorter, *, listed: bool = True) -> Generator[Finding, None, Judges | None]:
        """Fills the sorters with what is listed; None if there is nothing that could be judged further.

        Without `listed`, no manifest is read, and the sorters stay empty.
        """
        names = yield from self._top()
        if names is None:
            return None
        manifests = manifests_among(names)
        if len(manifests) > _MOST_MANIFESTS:
            yield Finding(code=Code.MANIFESTS_TOO_MANY, parameters={"count": len(manifests), "limit": _MOST_MANIFESTS})
            return None
        judges = Judges(
            payload=Judge([m for m in manifests if m.of_payload], self.declared.version),
            tags=Judge([m for m in manifests if not m.of_payload], self.declared.version),
            names_known=True,
        )
        self.tag_files.algorithms = judges.tags.algorithms
        if declaration.NAME in self.tag_files.readings:  # else it is read, or found missing, when it is judged
            self.tag_files.keep(declaration.NAME, self._declaration)
        yield from _algorithms(judges)
        for judge, sorter in ((judges.tags, tags), (judges.payload, payload)):
            for manifest in list(judge.manifests) if listed else ():
                yield from self._manifest(manifest, judge, sorter)
        yield from self._bag_info(names)
        if listed:
            yield from self._advice(names, manifests)
        if listed and fetching.NAME in names:
            yield from self._lines(fetching.NAME, partial(self._fetch_entries, payload))
        return Judges(payload=judges.payload, tags=judges.tags, names_known=self._names_known)

    def unread(self, judges: Judges) -> Found:
        """What shows of manifests and fetch.txt where they are not read: that each is a file, and rightly named."""
        manifests = (*judges.payload.manifests, *judges.tags.manifests)
        for name in (*(manifest.name for manifest in manifests), fetching.NAME):
            try:
                self._tree.open(name, past_cache=False).close()
            except NotFoundError:
                pass  # fetch.txt need not be there
            except StoreError as error:
                yield self._unreadable(name, error)
        for finding in of_bag(self.declared, judges.payload.manifests, judges.tags.manifests):
            if finding.outcome is not Outcome.PASS:
                yield finding

    def _top(self) -> Generator[Finding, None, list[bytes] | None]:
        """Says what the top folder shows; returns its names, or None if there is nothing to go on with."""
        try:
            top = self._tree.names_in(b"")
        except StoreError as error:
            yield Finding(code=Code.LISTING_INCOMPLETE, parameters={"cause": cause(error)})
            return None
        names = [name.rstrip(b"/") for name, _, _ in top]
        if declaration.NAME in names:
            yield from self._declare()
        else:
            yield Finding(code=Code.NOT_A_BAG, parameters={"why": f"bagit.txt is not there{hint(self._tree, top)}"})
            if DATA not in names and not manifests_among(names):
                return None
        yield from self._data(names)
        return names

    def _declare(self) -> Found:
        try:
            content = self.tag_files.whole(declaration.NAME, declaration.LIMIT_BYTES)
        except StoreError as error:
            yield self._unreadable(declaration.NAME, error)
            return
        if len(content) > declaration.LIMIT_BYTES:
            limit = {"limit_bytes": declaration.LIMIT_BYTES}
            yield Finding(code=Code.TAG_FILE_TOO_LARGE, file=declaration.NAME, parameters=limit)
            return
        if self.tag_files.readings[declaration.NAME].changed:
            self.faulty.add(declaration.NAME)
            yield Finding(code=Code.CHANGED_WHILE_READ, path=declaration.NAME)
        self._declaration = content
        self.declared = declaration.parse(content)
        yield from self.declared.findings

    def _data(self, names: Iterable[bytes]) -> Found:
        if DATA not in names:
            alike = [show(name + b"/") for name in names if name.lower() == DATA]
            note = f"; there is {' and '.join(alike)}, and upper and lower case count" if alike else ""
            yield Finding(code=Code.PAYLOAD_FOLDER_MISSING, path=DATA, parameters={"note": note})
            return
        try:
            kind = self._tree.stat(DATA).kind
        except StoreError:
            return  # listing it tells
        if kind is not Kind.DIRECTORY:
            yield wrong_kind(DATA, kind)

    def _manifest(self, manifest: Manifest, judge: Judge, sorter: Sorter) -> Found:
        reader = ManifestReader(manifest, self.declared.version, self.declared.encoding)
        faults_before = len(self.faulty)
        yield from self._lines(manifest.name, lambda lines: _into(sorter, reader.read(lines)))
        if len(self.faulty) > faults_before:
            judge.discount(manifest)
            self._names_known = self._names_known and not manifest.of_payload

    def _bag_info(self, names: Iterable[bytes]) -> Found:
        name = info.name_of(self.declared.version)
        if name in names:
            yield from self._lines(name, self._info_entries, limit=info.LIMIT_BYTES)
        self.oxum, faults = info.oxum_of(self.info, self.declared.version)
        yield from faults

    def _advice(self, names: Sequence[bytes], manifests: Sequence[Manifest]) -> Found:
        """What is allowed and should not be."""
        if self._declaration:
            payload, tags = ([m for m in manifests if m.of_payload is wanted] for wanted in (True, False))
            yield from of_bag(self.declared, payload, tags)
            yield from of_info(self.info, self.declared.version)
        said: list[Finding] = []
        of_folder(b"", names, said.append)
        yield from said

    def _info_entries(self, lines: Lines) -> Found:
        self.info, faults = info.parse(lines, self.declared.version, self.declared.encoding)
        yield from faults

    def _fetch_entries(self, payload: Sorter, lines: Lines) -> Found:
        return _into(payload, fetching.read(lines, self.declared.version, self.declared.encoding))

    def _lines(self, name: bytes, take: Callable[[Lines], Found], **limit: int) -> Found:
        """Reads one tag file's lines; what keeps it from being read is a finding."""
        try:
            lines = self.tag_files.lines(name, self.declared.codec, **limit)
            first = next(lines, None)
            if first is None:
                yield from take(lines)
                return
            number, line = first
            if line is not None and line.startswith(BYTE_ORDER_MARK):
                forbidden = self.declared.version >= V1_0 and self.declared.codec == "utf-8"
                code = Code.BYTE_ORDER_MARK_FORBIDDEN if forbidden else Code.BYTE_ORDER_MARK
                yield Finding(code=code, file=name, line=number)
                while line.startswith(BYTE_ORDER_MARK):
                    line = line.removeprefix(BYTE_ORDER_MARK)
            yield from take(chain([(number, line)], lines))
            if self.tag_files.last_line_open:
                yield Finding(code=Code.LAST_LINE_OPEN, file=name, path=name)
            if self.tag_files.readings[name].changed:
                self.faulty.add(name)
                yield Finding(code=Code.CHANGED_WHILE_READ, path=name)
        except StoreError as error:
            yield self._unreadable(name, error)
        except UnicodeError:
            self.faulty.add(name)
            encoding = {"encoding": self.declared.encoding}
            yield Finding(code=Code.ENCODING_INVALID, file=name, path=name, parameters=encoding)

    def _unreadable(self, name: bytes, error: StoreError) -> Finding:
        self.faulty.add(name)
        if isinstance(error, NotFoundError):
            return Finding(code=Code.MISSING, path=name, parameters={"note": ""})
        if isinstance(error, WrongKindError):
            return wrong_kind(name, self._kind(name))
        return Finding(code=Code.UNREADABLE, path=name, parameters={"cause": cause(error)})

    def _kind(self, name: bytes) -> Kind:
        try:
            return self._tree.stat(name).kind
        except StoreError:
            return Kind.OTHER


def _into(sorter: Sorter, items: Iterator[bytes | Finding]) -> Found:
    """Puts the records among what is read into the sorter and passes the findings on."""
    add = sorter.add
    for item in items:
        if isinstance(item, bytes):
            add(item)
        else:
            yield item


def _algorithms(judges: Judges) -> Found:
    """What cannot be judged because nothing here computes its algorithm."""
    if not judges.payload.manifests:
        yield Finding(code=Code.MANIFEST_MISSING)
    for judge in (judges.payload, judges.tags):
        code = Code.MANIFEST_NOT_CHECKED if judge.algorithms else Code.ALGORITHM_UNKNOWN
        for manifest in judge.manifests:
            if not manifest.digest_bytes:
                shown = {"algorithm": show(manifest.algorithm.encode())}
                yield Finding(code=code, file=manifest.name, path=manifest.name, parameters=shown)

"""Validation of a bag (RFC 8493 §3): complete and valid, to the end, with every affected file named."""

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from checks.digesting import PARALLEL_FROM_BYTES, Digester, Reading
from checks.evidence import Outcome
from checks.names import show
from checks.ports import Kind, NotFoundError, StoreError
from preserve.bag.codes import Code
from preserve.bag.collected import Findings
from preserve.bag.finding import Finding
from preserve.bag.opened import opened
from preserve.bag.pool import LazyPool
from preserve.bag.tags.info import InfoEntry, Oxum, oxum_mismatch
from preserve.bag.tags.manifests import grouped
from preserve.bag.tags.paths import PAYLOAD
from preserve.bag.tags.tagfiles import cause
from preserve.bag.trees import Tree
from preserve.bag.validating.depth import Depth
from preserve.bag.validating.judging import Tally, wrong_kind
from preserve.bag.validating.linting import of_folder
from preserve.bag.validating.payload import PayloadCheck
from preserve.bag.validating.structure import DATA, Judges, Structure
from preserve.bag.validating.tagcheck import TagCheck
from preserve.bag.validating.unreached import reached
from preserve.bag.walking import Look, Seen, walk
from preserve.errors import UndeterminedError
from preserve.ordering import Sorter
from preserve.progress import Progress, Silent

if TYPE_CHECKING:
    from preserve.bag.archives.archive import Archive
    from preserve.bag.profiles.model import Profile
    from preserve.bag.profiles.watching import ProfileWatch

_INCOMPLETE = {Code.MISSING, Code.OXUM_MISMATCH, Code.PAYLOAD_FOLDER_MISSING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What came of validating one bag. `payload` and `tags` count files; `severities` counts findings."""

    outcome: Outcome
    findings: Findings
    version: str
    algorithms: tuple[str, ...]  # of the payload manifests that could be judged
    payload: Tally
    tags: Tally
    depth: Depth = Depth.FULL
    serialisation: str = ""  # which kind of archive it is; empty for a folder
    profile: str = ""  # the identifier of the BagIt profile it was compared with
    info: tuple[InfoEntry, ...] = field(default=(), repr=False)

    @property
    def severities(self) -> dict[str, int]:
        """How many findings of each severity, by its word."""
        return self.findings.severities

    @property
    def verdict(self) -> str:
        """The result in a word or two: valid, incomplete (files are missing, nothing else), invalid, …"""
        if self.outcome is Outcome.PASS:
            return self.depth.good
        if self.outcome is Outcome.INCONCLUSIVE:
            return "not judged"
        codes = {code for code in self.findings.codes if code.meaning.outcome is Outcome.FAIL}
        if Code.NOT_A_BAG in codes:
            return "not a bag"
        if all(code.of_profile for code in codes):
            return f"{self.depth.good}, but not what its profile wants"
        if self.depth is Depth.FAST and codes == {Code.OXUM_MISMATCH}:
            return "not as large as its bag-info.txt says"
        return "incomplete" if codes <= _INCOMPLETE and codes != {Code.OXUM_MISMATCH} else "invalid"


def validate(
    bag: bytes,
    *,
    depth: Depth = Depth.FULL,
    threads: int = 2,
    progress: Progress | None = None,
    profile: "Profile | None" = None,
) -> Validation:
    """Validates a bag to the end; see `Validator` to take findings as they come, and for the errors raised."""
    return Validator(bag, depth=depth, threads=threads, progress=progress, profile=profile).result()


class Validator(Iterator[Finding]):
    """One validation: an iterator of findings, as they are found; `result` sums up.

    Args:
        bag: the bag's folder, or an archive that holds it (the drafts' §4, serialisation).
        depth: how deep it looks; the result says so.
        threads: how many large files are hashed side by side.
        taken: gets the reading of every payload file that was read soundly, with its SHA-256 and segments, for whoever
            takes the bag in and shall not read it twice.
        profile: what the bag is compared with besides.
        tree: what the bag is read through, wherever it lies; `bag` is then only its name for people.

    Raises (while it is iterated):
        UsageError: there is nothing at `bag`.
        UndeterminedError: the temporary folder is full (manifests that are not in order are sorted there).
    """

    def __init__(
        self,
        bag: bytes,
        *,
        depth: Depth = Depth.FULL,
        threads: int = 2,
        progress: Progress | None = None,
        taken: Callable[[Reading], None] | None = None,
        profile: "Profile | None" = None,
        tree: Tree | None = None,
    ) -> None:
        self._bag = os.path.abspath(bag) if tree is None else bag
        self._tree = tree
        self._depth = depth
        self._threads = threads
        self._progress = progress or Silent()
        self._taken = taken
        self._profile = profile
        self._watch: ProfileWatch | None = None
        self._structure: Structure | None = None
        self._archive: Archive | None = None
        self._payload = Tally()
        self._tags = Tally()
        self._algorithms: tuple[str, ...] = ()
        self._found = Findings()
        self._ended = False
        self._run = self._guarded()

    def __next__(self) -> Finding:
        finding = next(self._run)
        self._progress.found()
        return finding

    def close(self) -> None:
        """Stops it and gives back files and threads, for whoever does not take it to its end."""
        self._run.close()

    def result(self) -> Validation:
        """What follows from all findings; those not yet taken are read to the end.

        UndeterminedError if it was closed, or ended by an error, before: then nothing follows.
        """
        for _ in self:
            pass
        if not self._ended:
            raise UndeterminedError(
                f"{show(self._bag)}: was not validated to the end, so that there is no result",
                remedy="Validate it anew.",
            )
        structure = self._structure
        version = None if structure is None else structure.declared.version
        return Validation(
            outcome=self._found.outcome,
            findings=self._found,
            version="{}.{}".format(*version) if version else "",
            algorithms=self._algorithms,
            payload=self._payload,
            tags=self._tags,
            depth=self._depth,
            serialisation="" if self._archive is None else self._archive.serialisation,
            profile="" if self._profile is None else self._profile.identifier,
            info=() if structure is None else tuple(structure.info),
        )

    def _guarded(self) -> Generator[Finding, None, None]:
        """Whatever a full temporary folder stops is undetermined, never a verdict."""
        try:
            with closing(self._validated()) as findings:
                for finding in findings:
                    self._found.add(finding)
                    yield finding
            self._ended = True
        except OSError as error:
            raise UndeterminedError(
                f"{show(self._bag)}: could not be judged: {error.strerror or error}",
                remedy="Sorting large manifests needs room in the temporary folder (TMPDIR).",
            ) from error

    def _validated(self) -> Generator[Finding, None, None]:
        with ExitStack() as held:
            tree = self._tree
            if tree is None:
                tree, self._archive = yield from opened(self._bag, held, self._progress)
            if tree is not None and self._archive is not None and self._archive.cut:
                yield from reached(self._of_tree(tree), tree, self._take_back)
            elif tree is not None:
                yield from self._of_tree(tree)
            if self._archive is not None:
                yield from self._archive.last_findings()

    def _take_back(self, finding: Finding) -> None:
        """A file was counted as missing, and may lie where the archive was not read."""
        if finding.code is Code.MISSING and finding.file is not None and finding.path is not None:
            tally = self._payload if finding.path.startswith(PAYLOAD) else self._tags
            tally.bad -= 1
            tally.unread += 1

    def _of_tree(self, tree: Tree) -> Iterator[Finding]:
        with ExitStack() as held:
            payload, tags = Sorter(), Sorter()
            held.callback(payload.close)
            held.callback(tags.close)
            self._progress.stage("reading manifests")
            self._structure = Structure(tree)
            judges = yield from self._structure.read(payload, tags, listed=self._depth is not Depth.FAST)
            if judges is None:
                return
            self._payload, self._tags = judges.payload.tally, judges.tags.tally
            self._algorithms = tuple(judges.payload.algorithms)
            if self._profile is not None:
                from preserve.bag.profiles.watching import ProfileWatch  # most bags have none, and it is slow to come

                packed = None if self._archive is None else self._archive.serialisation
                self._watch = ProfileWatch(self._profile, tree, self._structure, packed)
                yield from self._watch.opening()
            tag_check = TagCheck(tree, self._structure, judges, links_told=self._archive is not None)
            if self._depth is Depth.FAST:
                yield from self._structure.unread(judges)
                yield from tag_check.unread()
                yield from self._sizes(tree, self._structure)
            else:
                pool = held.enter_context(LazyPool(self._threads))
                yield from self._payload_files(tree, self._structure, judges, payload, pool)
                yield from tag_check.findings(grouped(tags))
            if self._watch is not None:
                yield from self._watch.closing()

    def _payload_files(
        self, tree: Tree, structure: Structure, judges: Judges, listed: Sorter, pool: LazyPool
    ) -> Iterator[Finding]:
        """The payload, and its stated size."""
        stated = structure.oxum
        files, size_bytes = (None, None) if stated is None else (stated.files, stated.payload_bytes)
        digester = None
        if self._depth is Depth.FULL:
            self._progress.stage("reading payload", files=files, bytes=size_bytes)
            wanted = dict.fromkeys([*judges.payload.algorithms, *([] if self._taken is None else ["sha256"])])
            # Far away it is the answers that take time: then small files, too, are read side by side.
            from_bytes = 0 if getattr(tree, "in_flight", 1) > 1 else PARALLEL_FROM_BYTES
            told = pool.telling(self._progress)
            digester = Digester(tuple(wanted), pool, parallel_from_bytes=from_bytes, told=told)
        else:
            self._progress.stage("comparing names", files=files)
        check = PayloadCheck(tree, judges.payload, digester, self._progress, self._taken)
        present = self._present(
            tree, lambda folder, names: of_folder(folder, (name for name, _, _ in names), check.say)
        )
        known = judges.names_known and bool(judges.payload.manifests)
        yield from check.findings(grouped(listed), present, names_known=known)
        yield from _oxum(structure, judges.payload.tally)

    def _sizes(self, tree: Tree, structure: Structure) -> Iterator[Finding]:
        """The payload's size and nothing else."""
        if structure.oxum is None:
            yield Finding(code=Code.OXUM_NEEDED)
            return
        self._progress.stage("looking at sizes", files=structure.oxum.files)
        tally = self._payload
        for seen in self._present(tree):
            if seen.kind is Kind.FILE:
                try:
                    tally.add(tree.stat(seen.path).size_bytes)
                except StoreError as error:
                    tally.add(None)
                    yield Finding(code=Code.UNREADABLE, path=seen.path, parameters={"cause": cause(error)})
                self._progress.advance(files=1)
            elif seen.problem is not None:
                tally.present_bytes = None
                yield Finding(code=Code.LISTING_INCOMPLETE, path=seen.path, parameters={"cause": seen.problem})
            elif seen.kind is not Kind.DIRECTORY:
                tally.bad += 1
                yield wrong_kind(seen.path, seen.kind)
        tally.unread = tally.present
        yield from _oxum(structure, tally)

    def _present(self, tree: Tree, look: Look | None = None) -> Iterator[Seen]:
        """Every name in the payload; a profile sees it, too."""
        present = _present(tree, look)
        return present if self._watch is None else self._watch.passing(present)


def _present(tree: Tree, look: Look | None) -> Iterator[Seen]:
    """Every name in the payload; `look` gets each folder's names."""
    try:
        yield from walk(tree, DATA, look=look)
    except NotFoundError:
        return  # said already: the payload folder is not there
    except StoreError as error:
        yield Seen(DATA, Kind.DIRECTORY, cause(error))


def _oxum(structure: Structure, tally: Tally) -> Iterator[Finding]:
    if structure.oxum is None or tally.present_bytes is None:
        return
    seen = Oxum(tally.present_bytes, tally.present)
    if seen != structure.oxum:
        yield oxum_mismatch(structure.info, structure.declared.version, structure.oxum, seen)

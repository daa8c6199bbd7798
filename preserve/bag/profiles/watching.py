"""A profile beside a validation: it takes what the validation reads anyway, and lists only what that leaves out."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from checks.ports import Kind, NotFoundError, StoreError
from preserve.bag.archives.kinds import ArchiveKind
from preserve.bag.codes import Code
from preserve.bag.collected import Findings
from preserve.bag.finding import Finding
from preserve.bag.profiles.checking import BagFacts, Checker
from preserve.bag.profiles.model import Profile
from preserve.bag.tags import declaration, fetching, info
from preserve.bag.tags.manifests import manifests_among
from preserve.bag.tags.tagfiles import cause
from preserve.bag.trees import Tree
from preserve.bag.validating.structure import DATA, Structure
from preserve.bag.walking import Seen, walk

_MEDIA_TYPES: Mapping[str, str] = MappingProxyType(
    {
        ArchiveKind.TAR: "application/x-tar",
        ArchiveKind.TAR_GZIP: "application/gzip",
        ArchiveKind.TAR_BZIP2: "application/x-bzip2",
        ArchiveKind.TAR_XZ: "application/x-xz",
        ArchiveKind.ZIP: "application/zip",
    }
)


class ProfileWatch:
    """One bag that is being validated, against one profile: `opening`, `passing`, `closing`.

    Args:
        archive: the kind of archive that the bag is (`ArchiveKind`); None for a folder.
    """

    def __init__(self, profile: Profile, tree: Tree, structure: Structure, archive: str | None = None) -> None:
        self._checker = Checker(profile)
        self._tree = tree
        self._structure = structure
        self._media_type = None if archive is None else _MEDIA_TYPES.get(archive, "application/octet-stream")
        self._said = Findings()  # as many as there are files, at worst
        self._payload_passed = False
        self._first: bytes | None = None
        self._payload_known = True

    def opening(self) -> Iterator[Finding]:
        """What the bag says of itself; once the structure was read."""
        try:
            names = [name for name, _, _ in self._tree.names_in(b"")]
        except StoreError as error:
            yield Finding(code=Code.LISTING_INCOMPLETE, parameters={"cause": cause(error)})
            return
        manifests = manifests_among(names)
        yield from self._checker.structure(
            BagFacts(
                version=_version(self._structure),
                info=None if info.NAME in self._structure.faulty else self._structure.info,
                algorithms=list(dict.fromkeys(each.algorithm for each in manifests if each.of_payload)),
                tag_algorithms=list(dict.fromkeys(each.algorithm for each in manifests if not each.of_payload)),
                has_fetch=fetching.NAME in names,
                media_type=self._media_type,
            )
        )

    def passing(self, seen: Iterable[Seen]) -> Iterator[Seen]:
        """The payload's names, passed on as they are. What is wrong with them waits for `closing`."""
        self._payload_passed = True
        for each in seen:
            if each.problem is not None:
                self._payload_known = False
            elif each.kind is Kind.FILE:
                self._first = self._first or each.path
                finding = self._checker.payload_name(each.path)
                if finding is not None:
                    self._said.add(finding)
            yield each

    def closing(self) -> Iterator[Finding]:
        """What was found on the way, names that nobody else listed, and what should be in the bag and is not."""
        profile, known = self._checker.profile, True
        if not self._payload_passed and (profile.payload_files.any or profile.data_empty):
            for seen in self.passing(self._listed(DATA, b"")):
                if seen.problem is not None:
                    yield Finding(code=Code.LISTING_INCOMPLETE, path=seen.path, parameters={"cause": seen.problem})
        yield from self._said
        for seen in self._listed(b"", DATA) if profile.tag_files.any else ():
            if seen.problem is not None:
                known = False
                yield Finding(code=Code.LISTING_INCOMPLETE, path=seen.path or None, parameters={"cause": seen.problem})
            elif seen.kind is Kind.FILE:
                finding = self._checker.tag_file(seen.path)
                if finding is not None:
                    yield finding
        size = None
        if profile.data_empty and self._first is not None:
            try:
                size = self._tree.stat(self._first).size_bytes
            except StoreError as error:
                yield Finding(code=Code.UNREADABLE, path=self._first, parameters={"cause": cause(error)})
        yield from self._checker.finish(payload_bytes=size, payload_known=self._payload_known, tag_files_known=known)

    def _listed(self, top: bytes, skip: bytes) -> Iterator[Seen]:
        try:
            yield from walk(self._tree, top, skip=skip)
        except NotFoundError:
            return  # said already: there is no payload folder
        except StoreError as error:
            yield Seen(top, Kind.DIRECTORY, cause(error))


def _version(structure: Structure) -> str | None:
    """As bagit.txt declares it, known here or not; None where that could not be told, which was said already."""
    declared = structure.declared
    if declaration.NAME in structure.faulty or declaration.NAME not in structure.tag_files.readings:
        return None
    for finding in declared.findings:
        if finding.code is Code.DECLARATION_MALFORMED:
            return None
        if finding.code is Code.VERSION_UNSUPPORTED:
            return str(finding.parameters["version"])
    return "{}.{}".format(*declared.version)

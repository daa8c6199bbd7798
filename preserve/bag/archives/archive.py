"""Serialised bags (the drafts' §4, serialisation): an archive file as a tree, with what the archive itself shows.

Nothing is unpacked to disk but a compressed tar, into a nameless temporary file. No link is followed. Limits are those
of bytes that were read, not of what is declared.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Self

from checks.names import show
from checks.ports import Kind, NotFoundError, StoreError, WrongKindError
from preserve.bag.archives import zip_tree
from preserve.bag.archives.faults import Faults
from preserve.bag.archives.kinds import DECOMPRESSORS, ArchiveKind, extension_of, kind_of
from preserve.bag.archives.limits import BeyondLimitError, DamagedError, ExpandsTooFarError
from preserve.bag.archives.members import Members, What
from preserve.bag.archives.packed import PackedFile
from preserve.bag.archives.spooling import spooled
from preserve.bag.archives.tar_headers import BLOCK_BYTES, parse
from preserve.bag.archives.tar_tree import TarIndexer, TarTree
from preserve.bag.archives.tops import entries
from preserve.bag.archives.zip_tree import ZipTree
from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.bag.tags import declaration
from preserve.bag.tags.paths import PAYLOAD
from preserve.bag.tags.tagfiles import cause
from preserve.bag.validating.judging import wrong_kind
from preserve.progress import Progress, Silent

_KNOWN = "tar, tar.gz, tar.bz2, tar.xz, zip"


def opened(path: bytes, progress: Progress | None = None) -> "Archive":
    """Opens and indexes an archive; for the caller to close.

    Raises:
        UndeterminedError: there is no room for unpacking a compressed tar.
    """
    archive = Archive(path, progress or Silent())
    try:
        archive.read()
    except BaseException:
        archive.close()
        raise
    return archive


class Archive:
    """One archive file. `tree` is the bag in it, None where there is nothing to judge further.

    With `cut`, it was not read to its end: what is not in the tree may be in the archive all the same.

    `findings` are those of the archive known so far, each handed out once: take them before the tree is read, and
    afterwards again, for what only reading shows. Their paths are from the bag's root where they lie in the bag.
    """

    def __init__(self, path: bytes, progress: Progress) -> None:
        self.serialisation = ""
        self.cut = False
        self.tree: TarTree | ZipTree | None = None
        self._path = path
        self._progress = progress
        self._faults = Faults()
        self._members = Members()
        self._held = ExitStack()
        self._packed: PackedFile | None = None
        self._token: object = None
        self._base = b""

    def read(self) -> None:
        """Indexes the archive and finds the bag in it. See `opened`."""
        try:
            self._read()
        except BeyondLimitError as error:
            self._say(Code.ARCHIVE_LIMIT, what=error.what, limit=error.limit)
        except ExpandsTooFarError as error:
            self._say(Code.ARCHIVE_EXPANDS, packed_bytes=error.packed_bytes, limit_bytes=error.limit_bytes)
        except WrongKindError:
            self._say(Code.NOT_A_BAG, why="it is neither a folder nor a regular file")
        except StoreError as error:
            self._say(Code.UNREADABLE, cause=cause(error))

    def _read(self) -> None:
        packed = self._packed = PackedFile.opened(self._path)
        self._held.callback(packed.close)
        self._token = packed.token()
        kind = kind_of(packed)
        if kind is None:
            self._say(Code.NOT_A_BAG, why=f"it is neither a folder nor an archive that is known here ({_KNOWN})")
            return
        self.serialisation = kind.value
        whole = True
        if kind in DECOMPRESSORS:
            packed, whole = self._spooled(packed, kind)
        self._progress.stage("reading the archive's list of files")
        try:
            if kind is ArchiveKind.ZIP:
                zip_tree.index(packed, self._members, self._faults)
            else:
                self.cut = not TarIndexer(packed, self._members, self._faults).index() or self.cut
        except DamagedError as error:
            self.cut = True
            if whole:  # what is cut off in a file that could not be unpacked to its end was said
                self._say(Code.ARCHIVE_DAMAGED, why=error.why)
            if not len(self._members):
                return
        for path in self._members.seal():
            self._faults.add(Code.DUPLICATE_MEMBER, path)
        base = self._found()
        if base is None:
            return
        self._base = base
        self._name(kind)
        root = self._path + b"/" + base if base else self._path
        if kind is ArchiveKind.ZIP:
            self.tree = ZipTree(packed, self._members, self._faults, base, root)
        else:
            self.tree = TarTree(packed, self._members, base, root)

    def _spooled(self, packed: PackedFile, kind: ArchiveKind) -> tuple[PackedFile, bool]:
        """The tar in it, and whether it is whole."""
        tar, stopped = spooled(packed, DECOMPRESSORS[kind], self._progress)
        self._held.callback(tar.close)
        if stopped is not None and not isinstance(stopped, DamagedError):
            raise stopped
        first = tar.read_at(0, BLOCK_BYTES)
        if isinstance(stopped, DamagedError):
            self._say(Code.ARCHIVE_DAMAGED, why=stopped.why)
        elif first.strip(b"\0") and (len(first) < BLOCK_BYTES or parse(first) is None):
            self._say(Code.NOT_A_BAG, why="what is compressed in it is not a tar archive")
            return tar, False
        return tar, stopped is None

    def _found(self) -> bytes | None:
        """The bag's folder in the archive (b"" where the bag lies at its top, which is wrong, and told)."""
        names = self._members.names_in(b"")
        folders = [name[:-1] for name, kind, _ in names if kind is Kind.DIRECTORY]
        if len(names) == 1 and folders:
            return folders[0]
        if not names:
            if not self.cut or (self._packed is not None and not self._packed.size_bytes):
                unsafe = self._faults.holds(Code.UNSAFE_MEMBER)
                why = "no member of the archive can be unpacked" if unsafe else "nothing is in the archive"
                self._say(Code.NOT_A_BAG, why=why)
            return None
        bags = [folder for folder in (b"", *folders) if self._is_bag(folder)]
        found = "the bag's own files" if b"" in bags else entries([name for name, _, _ in names], bags)
        self._say(Code.ARCHIVE_TOP, found=found)
        if not bags and not self.cut:
            self._say(Code.NOT_A_BAG, why="no folder at the archive's top holds bagit.txt")
        return bags[0] if len(bags) == 1 or b"" in bags else None

    def _is_bag(self, folder: bytes) -> bool:
        try:
            found = self._members.find(folder + b"/" + declaration.NAME if folder else declaration.NAME)
        except NotFoundError:
            return False
        return found.what is not What.FOLDER

    def _name(self, kind: ArchiveKind) -> None:
        """The drafts' §4, serialisation: the archive's name is the folder's, and an extension that tells the format."""
        name = self._path.rpartition(b"/")[2]
        extension = extension_of(name, kind)
        if extension is None:
            self._say(Code.ARCHIVE_EXTENSION, kind=kind.value, extension=kind.extensions[0].decode())
        elif self._base and name[: -len(extension)] != self._base:
            self._say(Code.ARCHIVE_NAME, folder=show(self._base))

    def findings(self) -> Iterator[Finding]:
        """Those not handed out yet."""
        inside = self._base + b"/" if self._base else b""
        for finding in self._faults.taken():
            path = finding.path
            if path is not None and finding.code is not Code.UNSAFE_MEMBER and path.startswith(inside):
                finding = replace(finding, path=path[len(inside) :])
            yield finding

    def last_findings(self) -> Iterator[Finding]:
        """What is left to say once the tree was read: what reading showed, and links that nobody asked for."""
        yield from self.findings()
        if self.tree is None or self._packed is None:
            return
        inside = self._base + b"/" if self._base else b""
        for path, kind in self._members.unlike_files():
            told = path[len(inside) :] if path.startswith(inside) else path
            if not path.startswith(inside + PAYLOAD) and path not in self.tree.refused:
                yield wrong_kind(told, kind)
        try:
            changed = self._packed.token() != self._token
        except StoreError:
            changed = True
        if changed:
            yield Finding(code=Code.CHANGED_WHILE_READ)

    def _say(self, code: Code, **parameters: object) -> None:
        self._faults.say(Finding(code=code, parameters=parameters))

    def close(self) -> None:
        """Closes the archive; its sources are of no use then."""
        self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

"""Backups of the catalog on a replica: `<replica>/.preserve/catalog/<the catalog's uuid>/`.

A backup is `<journal's head, 12 digits>-<UTC>.sqlite` and, written after it, `<the same>.json` that describes it. What
has no description that can be read does not count. Everything is reached through descriptors, never through a link.
"""

import json
import os
import re
import stat as modes
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from uuid import UUID

from checks.digesting import Digester, Reading, Wanted
from checks.names import show
from checks.ports import Source
from preserve.errors import UndeterminedError
from preserve.stores.durable import rename_no_replace, writing
from preserve.stores.folders import entered
from preserve.stores.identity import OURS
from preserve.stores.local import LocalStore

FORMAT = "preserve-catalog-backup/1"

FOLDER = OURS + b"/catalog"
NAME = re.compile(rb"\.?([0-9]{12}-[0-9]{8}T[0-9]{6}Z)\.(sqlite|json)(\.partial)?\Z")
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
LIMIT_BYTES = 64 << 10  # of a description
_MOST = 10_000  # names like ours in one folder, which has a few
_REMEDY = "Look at this disk and its cable, then run the command again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A backup as its description tells it. Number and hash are of its journal's head."""

    catalog: UUID
    made_at: datetime
    number: int
    hash: bytes
    sha256: bytes
    size_bytes: int
    revision: str
    program: str  # version that made it

    @property
    def stem(self) -> bytes:
        return f"{self.number:012d}-{self.made_at.astimezone(UTC):%Y%m%dT%H%M%SZ}".encode()

    @property
    def name(self) -> bytes:
        """The file's."""
        return self.stem + b".sqlite"


class Backups:
    """The backups of one catalog on one replica. Only one process may write there: whoever holds the catalog's lock."""

    def __init__(self, root: bytes, catalog: UUID) -> None:
        self._store = LocalStore(root)
        self._catalog = catalog
        self._folder = FOLDER + b"/" + str(catalog).encode()

    def kept(self) -> list[Described]:
        """What is there and described, newest first. What it is worth shows when it is read."""
        try:
            with entered(self._store.root, self._folder) as folder:
                found = [_described(folder, name, self._catalog) for name in _names(folder)]
        except OSError:
            return []
        return newest_first(found)

    def misfits(self) -> set[bytes]:
        """Names of files that are not there, or not of the size described, or whose description cannot be read."""
        try:
            with entered(self._store.root, self._folder) as folder:
                stems = {os.path.splitext(name)[0] for name in _names(folder) if not name.startswith(b".")}
                return {stem + b".sqlite" for stem in stems if not _fits(folder, stem + b".sqlite", self._catalog)}
        except OSError:
            return set()

    def open(self, backup: Described) -> Source:
        """Opens one past the cache; StoreError if that cannot be."""
        path = self._folder + b"/" + backup.name
        return self._store.open(path, past_cache=True, expected_bytes=backup.size_bytes)

    def place(self, source: bytes, backup: Described) -> None:
        """Places a copy of the file `source`: staged, flushed, read back past the cache, renamed, then described.

        What killed runs left half goes first. What this one cannot finish goes too.

        Raises:
            UndeterminedError: it cannot be written (a full disk is said), or did not read back as it was written.
        """
        where = os.path.join(self._store.root, self._folder, backup.name)
        with writing(where), entered(self._store.root, self._folder, make=True, durable=True) as folder:
            self._clear_away(folder)
            try:
                self._stage(folder, source, backup)
                _put(folder, backup.name)
                _write(folder, _partial(backup.stem + b".json"), description(backup))
                _put(folder, backup.stem + b".json")
            except BaseException:
                self._clear_away(folder)
                raise

    def prune(self, keep: int, standing: Described, placed: Sequence[tuple[bytes, bytes]]) -> int:
        """Takes away the oldest beside the one that was just placed, until `keep` are left; how many went.

        Args:
            placed: (file, its sha256) of what the journal says was placed here, in that order. No other is counted or
                taken away: what a description says of its age, anybody may have written.
        """
        gone = superfluous(self.kept(), keep, standing, placed)
        with writing(os.path.join(self._store.root, self._folder)):
            if gone:
                with entered(self._store.root, self._folder) as folder:
                    for backup in gone:
                        os.unlink(backup.stem + b".json", dir_fd=folder)  # from here on it does not count
                        os.unlink(backup.name, dir_fd=folder)
                    os.fsync(folder)
        return len(gone)

    def _stage(self, folder: int, source: bytes, backup: Described) -> None:
        staged = _partial(backup.name)
        at, _, name = source.rpartition(b"/")
        store = LocalStore(at or b"/")
        with _created(folder, staged) as fd:
            written = _digest(lambda: store.open(name, past_cache=False), lambda buffer: _write_all(fd, buffer))
        refuse_other(written, backup, "the catalog's copy changed while it was placed")
        path = self._folder + b"/" + staged
        read = _digest(lambda: self._store.open(path, past_cache=True, expected_bytes=backup.size_bytes))
        refuse_other(read, backup, "what was written did not read back as it was written")

    def _clear_away(self, folder: int) -> None:
        """Takes away what a killed run left: staged files, and one of a pair. What is no regular file is none of ours.

        A pair stays, if its description cannot be read too: no run leaves it so, and the backup may be a good one.
        """
        for name in left_half(_names(folder)):
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)


def superfluous(
    kept: Iterable[Described], keep: int, standing: Described, placed: Sequence[tuple[bytes, bytes]]
) -> list[Described]:
    """Which go beside the one that was just placed, until `keep` are left; see `Backups.prune`."""
    order = {each: number for number, each in enumerate(placed)}
    known = [one for one in kept if one.stem != standing.stem and (one.name, one.sha256) in order]
    others = sorted(known, key=lambda one: order[one.name, one.sha256])
    return others[: max(0, len(others) + 1 - max(1, keep))]


def left_half(found: Iterable[bytes]) -> list[bytes]:
    """Of names that `NAME` matches, those that a killed run left: what was staged, and one of a pair."""
    names = set(found)
    stems = {os.path.splitext(name)[0] for name in names}
    whole = {stem for stem in stems if {stem + b".sqlite", stem + b".json"} <= names}
    matched = [(name, NAME.match(name)) for name in sorted(names)]
    return [name for name, match in matched if match and (match[1] not in whole or name.startswith(b"."))]


def newest_first(found: Iterable[Described | None]) -> list[Described]:
    """Those that have a description."""
    described = [one for one in found if one is not None]
    return sorted(described, key=lambda one: (one.number, one.made_at), reverse=True)


def catalogs_on(root: bytes) -> list[UUID]:
    """The catalogs that have a folder of backups on a replica; UndeterminedError if there is no end to them."""
    try:
        with entered(root, FOLDER) as folder, os.scandir(folder) as entries:
            named = (entry for entry in entries if is_uuid(entry.name) and entry.is_dir(follow_symlinks=False))
            return sorted(UUID(name.decode()) for name in _not_too_many(named))
    except OSError:
        return []


def holds_traces(root: bytes) -> bool:
    """Whether anything lies where backups lie on a replica, or whether that cannot be seen."""
    try:
        with entered(root, FOLDER) as folder, os.scandir(folder) as entries:
            return next(entries, None) is not None
    except FileNotFoundError:
        return False
    except OSError:
        return True


def is_uuid(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False


def _names(folder: int) -> list[bytes]:
    """The regular files with names of ours; a link or folder in such a place is none."""
    with os.scandir(folder) as entries:
        named = (entry for entry in entries if NAME.match(os.fsencode(entry.name)))
        return _not_too_many(entry for entry in named if entry.is_file(follow_symlinks=False))


def _not_too_many(entries: Iterable[os.DirEntry[str]]) -> list[bytes]:
    """Their names. Ours must not be hidden among others: where all cannot be looked at, that is said."""
    return refuse_too_many(os.fsencode(entry.name) for entry in entries)


def refuse_too_many(found: Iterable[bytes]) -> list[bytes]:
    """The names; UndeterminedError if there is no end to them."""
    names = list(islice(found, _MOST + 1))
    if len(names) > _MOST:
        raise UndeterminedError(
            f"more than {_MOST:,} names like those of backups lie in one folder of {show(FOLDER)}",
            remedy="`preserve` did not lay them there: move what is none of its backups away, and find out who did.",
        )
    return names


def _fits(folder: int, name: bytes, catalog: UUID) -> bool:
    backup = _described(folder, name, catalog)
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return backup is not None and modes.S_ISREG(found.st_mode) and found.st_size == backup.size_bytes


def _described(folder: int, name: bytes, catalog: UUID) -> Described | None:
    """The backup of that file name; None for another kind of file, or if it has no description of its own."""
    stem = stem_of(name)
    if stem is None:
        return None
    try:
        fd = os.open(stem + b".json", _READ, dir_fd=folder)
        with os.fdopen(fd, "rb") as file:
            if not modes.S_ISREG(os.fstat(fd).st_mode):
                return None
            content = file.read(LIMIT_BYTES)
    except OSError:
        return None
    return described_by(content, stem, catalog)


def stem_of(name: bytes) -> bytes | None:
    """What a backup's file and its description have in common; None if it is not the name of such a file."""
    stem, ending = os.path.splitext(name)
    return None if ending != b".sqlite" or name.startswith(b".") else stem


def described_by(content: bytes, stem: bytes, catalog: UUID) -> Described | None:
    """What a description says; None if it is none, or one of something else."""
    try:
        backup = _read(json.loads(content))
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
    return backup if backup.catalog == catalog and backup.stem == stem else None


def _read(said: dict[str, object]) -> Described:
    """A description's values; ValueError or the like if it is none."""
    made_at = datetime.fromisoformat(str(said["made_at"]))
    number, size_bytes = said["head"], said["size_bytes"]
    if said["format"] != FORMAT or made_at.tzinfo is None or not isinstance(number, int):
        raise ValueError("not a description")
    if not isinstance(size_bytes, int) or number < 0 or size_bytes < 0:
        raise ValueError("not a description")
    digests = [bytes.fromhex(str(said[key])) for key in ("head_hash", "sha256")]
    if any(len(digest) != 32 for digest in digests):
        raise ValueError("not a digest")
    return Described(
        catalog=UUID(str(said["catalog"])),
        made_at=made_at,
        number=number,
        hash=digests[0],
        sha256=digests[1],
        size_bytes=size_bytes,
        revision=str(said["revision"]),
        program=str(said["program"]),
    )


def description(backup: Described) -> bytes:
    document = {
        "format": FORMAT,
        "catalog": str(backup.catalog),
        "made_at": backup.made_at.astimezone(UTC).isoformat(),
        "head": backup.number,
        "head_hash": backup.hash.hex(),
        "sha256": backup.sha256.hex(),
        "size_bytes": backup.size_bytes,
        "revision": backup.revision,
        "program": backup.program,
        "note": "A backup of the catalog of `preserve`; `preserve catalog rebuild` takes it back.",
    }
    return (json.dumps(document, indent=2) + "\n").encode()


def _partial(name: bytes) -> bytes:
    return b"." + name + b".partial"


@contextmanager
def _created(folder: int, name: bytes) -> Iterator[int]:
    """A new file, flushed at the end."""
    fd = os.open(name, _CREATE, 0o644, dir_fd=folder)
    try:
        yield fd
        os.fsync(fd)
    finally:
        os.close(fd)


def _write(folder: int, name: bytes, content: bytes) -> None:
    with _created(folder, name) as fd:
        _write_all(fd, memoryview(content))


def _write_all(fd: int, buffer: memoryview) -> None:
    while buffer:
        buffer = buffer[os.write(fd, buffer) :]


def _put(folder: int, name: bytes) -> None:
    """Gives a staged file its name, durably; nothing is written over."""
    rename_no_replace(_partial(name), name, folder, folder)
    os.fsync(folder)


def _digest(opening: Callable[[], Source], sink: Callable[[memoryview], None] | None = None) -> Reading:
    return Digester(("sha256",)).read(Wanted(path=b"", open=opening, expected_bytes=None, sink=sink))


def refuse_other(reading: Reading, backup: Described, said: str, remedy: str = _REMEDY) -> None:
    if not reading.sound or (reading.size_bytes, reading.digests["sha256"]) != (backup.size_bytes, backup.sha256):
        raise UndeterminedError(f"{show(backup.name)}: {reading.problem or said}", remedy=remedy)

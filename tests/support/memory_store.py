"""A store in memory that can be made to show faults which real media show only rarely."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from checks.evidence import Evidence
from checks.ports import Kind, Listed, NotFoundError, Stat, StoreError, UnavailableError, WrongKindError

REPLICA = "5e0c1f6e-0000-4000-8000-000000000001"


@dataclass
class MemorySource:
    path: bytes
    store: "MemoryStore"
    content: bytes
    evidence: Evidence
    place: int = 0
    closed: bool = False

    def stat(self) -> Stat:
        return self.store.stat(self.path)

    def readinto(self, buffer: memoryview) -> int:
        self.store.on_read(self.path)
        piece = self.content[self.place : self.place + len(buffer)]
        buffer[: len(piece)] = piece
        self.place += len(piece)
        return len(piece)

    def close(self) -> None:
        self.closed = True
        self.store.open_now -= 1


@dataclass
class MemoryStore:
    """`faults[path]` is a list of functions taken one an opening; each gets the content and may change it or raise."""

    files: dict[bytes, bytes]
    uuid: str = REPLICA
    evidence: Evidence = Evidence.READ_MEDIUM
    kinds: dict[bytes, Kind] = field(default_factory=dict)
    faults: dict[bytes, list[Callable[[bytes], bytes]]] = field(default_factory=dict)
    unlisted: dict[bytes, str] = field(default_factory=dict)  # folders that cannot be listed
    there: bool = True
    versions: dict[bytes, int] = field(default_factory=dict)
    on_read: Callable[[bytes], object] = lambda path: None
    opened: list[bytes] = field(default_factory=list)
    open_now: int = 0

    def identity(self) -> str:
        if not self.there:
            raise UnavailableError("the folder is not there", cause="the folder is not there")
        return self.uuid

    def stat(self, path: bytes) -> Stat:
        if path in self.files:
            return Stat(
                self.kinds.get(path, Kind.FILE), len(self.files[path]), (len(self.files[path]), self.versions.get(path))
            )
        if any(name.startswith(path + b"/") for name in self.files):
            return Stat(Kind.DIRECTORY, 0, None)
        raise NotFoundError("nothing there")

    def listing(self, root: bytes) -> Iterator[Listed]:
        self.stat(root)
        for folder, cause in self.unlisted.items():
            yield Listed(folder, Kind.DIRECTORY, cause)
        for path in sorted(self.files, reverse=True):
            below = path.removeprefix(root + b"/")
            if below != path and not any(below.startswith(folder + b"/") for folder in self.unlisted):
                yield Listed(below, self.kinds.get(path, Kind.FILE))

    def open(
        self, path: bytes, *, past_cache: bool, offset: int = 0, expected_bytes: int | None = None
    ) -> MemorySource:
        self.opened.append(path)
        if path not in self.files:
            raise NotFoundError("nothing there")
        if self.kinds.get(path, Kind.FILE) is not Kind.FILE:
            raise WrongKindError("not a regular file")
        content = self.files[path]
        if self.faults.get(path):
            content = self.faults[path].pop(0)(content)
        self.open_now += 1
        return MemorySource(path, self, content, self.evidence if past_cache else Evidence.READ, offset)


def flipped(content: bytes) -> bytes:
    """The content with one bit changed."""
    return bytes([content[0] ^ 1]) + content[1:]


def unchanged(content: bytes) -> bytes:
    return content


def io_error(content: bytes) -> bytes:
    raise StoreError("Input/output error", cause="EIO")

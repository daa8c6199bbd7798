"""Names on the server: one folder's, or all below one, with several folders on their way at once."""

from collections import deque
from collections.abc import Collection, Iterator
from concurrent.futures import Future
from operator import itemgetter

from checks.names import show
from checks.ports import Kind, Listed, StoreError, UnavailableError
from preserve.stores.local import Name
from preserve.stores.many_names import ManyNames
from preserve.stores.sftp import wire
from preserve.stores.sftp.answers import demanded, problem
from preserve.stores.sftp.link import Link
from preserve.stores.sftp.opening import ignored
from preserve.stores.sftp.paths import Root
from preserve.stores.sftp.session import Session

_FOLDERS_AT_ONCE = 16
_ANSWERS_AT_ONCE = 4  # to READDIR; OpenSSH's has a hundred names in each
_MANY = 100_000  # names of one folder in memory
_MOST_EMPTY = 100  # answers in a row with no name in them
MOST_NAMES = 5_000_000  # in one folder
MOST_WAITING, _MOST_WAITING_BYTES = 1_000_000, 256 << 20  # folders still to be listed
MOST_BARREN = 1_000_000  # folders in a row in which there is no file

Found = list[tuple[bytes, wire.Attributes]]


class Folder:
    """One folder that is being listed. Its names come in parts, so that a huge one need not be in memory."""

    def __init__(self, root: Root, path: bytes) -> None:
        self._root, self.path = root, path
        self._handle: bytes | None = None
        self._session: Session | None = None
        self.begun = False  # it could be opened
        self.ended = False
        self.odd: StoreError | None = None  # what was listed and can be no name; raised after the names
        self._names = self._empty = 0

    async def first(self, session: Session) -> Found:
        """Its first names; of a small folder, all of them in two ways there and back."""
        await self._root.entered(session, self.path)
        answer = await session.ask(wire.OPENDIR, wire.text(self._root.full(self.path)))
        if answer[0] != wire.HANDLE:
            await self._root.refuse(session, problem(self.path, *answer))
        self._handle, self._session = wire.handle_of(demanded(self.path, answer, wire.HANDLE)), session
        self.begun = True
        return await self.more(session)

    async def more(self, session: Session) -> Found:
        """Some further names. StoreError if they cannot be had, or the connection is another by now."""
        if session is not self._session or self._handle is None:
            raise StoreError("the connection was lost", cause="ECONNRESET")
        asked = [session.asked(wire.READDIR, self._handle) for _ in range(_ANSWERS_AT_ONCE)]
        found: Found = []
        try:
            for future in asked:
                kind, body = await future
                if kind == wire.STATUS and wire.status_of(body)[0] == wire.EOF:
                    self.ended = True
                    continue
                names = wire.names_of(demanded(self.path, (kind, body), wire.NAME))
                self._count(len(names))
                for name, attributes in names:
                    if not name or b"/" in name or b"\0" in name:
                        why = f"the server lists what can be no name: {show(name[:100])}"
                        self.odd = StoreError(f"{show(self.path)}: {why}", cause=why)
                    elif name not in (b".", b".."):
                        found.append((name, await self._told(session, name, attributes)))
        except BaseException:
            self.ended = True
            raise
        finally:
            if self.ended and self._handle is not None:
                session.send(wire.CLOSE, self._handle, ignored)
                self._handle = None
        return found

    def _count(self, names: int) -> None:
        """StoreError for a server that would go on for ever."""
        self._empty = 0 if names else self._empty + 1
        self._names += names
        if self._empty >= _MOST_EMPTY:
            why = f"{self._empty} answers in a row without a name"
            raise StoreError(f"{show(self.path)}: {why}", cause=why)
        if self._names > MOST_NAMES:
            why = f"too many: more than {MOST_NAMES:,} names in one folder"
            raise StoreError(f"{show(self.path)}: {why}", cause=why)

    async def _told(self, session: Session, name: bytes, attributes: wire.Attributes) -> wire.Attributes:
        """What a listing says of a name; of a server that says nothing there, it is asked for each."""
        if attributes.mode is not None:
            return attributes
        full = self._root.full(self.path + b"/" + name if self.path else name)
        answer = await session.ask(wire.LSTAT, wire.text(full))
        return wire.attributes_of(answer[1]) if answer[0] == wire.ATTRS else attributes

    def leave(self) -> None:
        """In the loop, where somebody stops listening."""
        if self._handle is not None and self._session is not None:
            self._session.send(wire.CLOSE, self._handle, ignored)
            self._handle = None


def names_in(link: Link, root: Root, path: bytes) -> Collection[Name]:
    """See `preserve.stores.port.WritableStore.names_in`."""
    folder = Folder(root, path)
    found: list[Name] = []
    many: ManyNames | None = None
    ask = folder.first
    try:
        while not folder.ended:
            for name, attributes in link.ask(ask):
                kind = attributes.kind
                found.append((name + b"/" if kind is Kind.DIRECTORY else name, kind, None))
            ask = folder.more
            if len(found) >= _MANY:
                many = many or ManyNames()
                many.take(found)
                found.clear()
        if folder.odd is not None:
            raise folder.odd
    finally:
        link.post_here(folder.leave)
    if many is not None:
        many.take(found)
        return many
    found.sort(key=itemgetter(0))
    return found


def listing(link: Link, root: Root, top: bytes) -> Iterator[Listed]:
    """See `checks.ports.Store.listing`."""
    for path, found in _walk(link, root, top):
        if isinstance(found, StoreError):
            yield Listed(path, Kind.DIRECTORY, found.cause or str(found))
        else:
            yield Listed(path, found.kind)


def sizes(link: Link, root: Root, top: bytes) -> Iterator[tuple[bytes, int]]:
    """See `preserve.stores.capabilities.Sizing`; a folder that cannot be listed raises why."""
    for path, found in _walk(link, root, top):
        if isinstance(found, StoreError):
            raise found
        if found.kind is Kind.FILE and found.size_bytes is not None:
            yield path, found.size_bytes


def _walk(link: Link, root: Root, top: bytes) -> Iterator[tuple[bytes, wire.Attributes | StoreError]]:
    """All that are no folders, and the folders that cannot be listed; what keeps `top` itself from it is raised."""
    waiting = _Waiting()
    begun: deque[tuple[Folder, bytes, Future[Found]]] = deque()
    try:
        while waiting.paths or begun:
            while waiting.paths and len(begun) < _FOLDERS_AT_ONCE:
                below = waiting.next()
                folder = Folder(root, b"/".join(filter(None, (top, below))))
                begun.append((folder, below, link.begin(folder.first)))
            folder, below, first = begun.popleft()
            prefix = below + b"/" if below else b""
            try:
                for name, attributes in _names(link, folder, first):
                    if attributes.kind is Kind.DIRECTORY:
                        waiting.add(prefix + name)
                    else:
                        waiting.barren = 0
                        yield prefix + name, attributes
            except (UnavailableError, _EndlessError):
                raise
            except StoreError as error:
                if not below and not folder.begun:
                    raise
                yield below, error
    finally:
        for folder, _, first in begun:
            first.cancel()
            link.post_here(folder.leave)


class _EndlessError(StoreError):
    """The walk is given up: a tree that has no end, or none that can be waited for."""


class _Waiting:
    """The folders that are still to be listed, the last first: as deep as paths can be long, and bounded in number."""

    def __init__(self) -> None:
        self.paths = [b""]
        self._bytes = 0
        self.barren = 0  # listed since the last file

    def next(self) -> bytes:
        self.barren += 1
        if self.barren > MOST_BARREN:
            raise _endless(f"more than {MOST_BARREN:,} folders in a row without a file")
        path = self.paths.pop()
        self._bytes -= len(path)
        return path

    def add(self, path: bytes) -> None:
        self.paths.append(path)
        self._bytes += len(path)
        if len(self.paths) > MOST_WAITING or self._bytes > _MOST_WAITING_BYTES:
            raise _endless("more folders than can be kept in mind")


def _endless(what: str) -> StoreError:
    return _EndlessError(f"too many: {what}", cause=f"too many: {what}")


def _names(link: Link, folder: Folder, first: Future[Found]) -> Iterator[tuple[bytes, wire.Attributes]]:
    try:
        yield from link.result(first)
        while not folder.ended:
            yield from link.ask(folder.more)
        if folder.odd is not None:
            raise folder.odd
    finally:
        link.post_here(folder.leave)

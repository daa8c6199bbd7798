"""Opening a file, and reading a small one on the way: steps in the event loop, one waiting thread at their end."""

import threading
from functools import partial

from checks.names import show
from checks.ports import Kind, NotFoundError, StoreError, UnavailableError, WrongKindError
from preserve.stores.sftp import wire
from preserve.stores.sftp.answers import problem
from preserve.stores.sftp.link import Link
from preserve.stores.sftp.paths import Root
from preserve.stores.sftp.session import LOST, Pieces, Session

WHOLE_BYTES = 64 << 10  # up to this, a file is read while it is opened
_WAIT_SECONDS = 1800.0


class Opened:
    """LSTAT, then OPEN, then FSTAT, and of a small file READ before that and CLOSE after: three ways there and back.

    It is looked at before it is opened, because a server that opens a FIFO waits for ever; the look afterwards is at
    what was opened. A small file's content is in `pieces` if both looks are equal and it is as long as they say; else,
    and of a larger one, `handle` is open.
    """

    __slots__ = ("_done", "_link", "_path", "_root", "error", "found", "handle", "looked", "pieces", "session", "size")

    def __init__(self, link: Link, root: Root, path: bytes, *, offset: int) -> None:
        self._link, self._root, self._path = link, root, path
        self._done = threading.Lock()
        self.error: StoreError | None = None
        self.session: Session | None = None
        self.looked: wire.Attributes | None = None
        self.found: wire.Attributes | None = None
        self.handle: bytes | None = None
        self.pieces: Pieces | None = None
        self.size = 0 if offset == 0 else -1  # of the read on the way; -1: none

    def wait(self) -> "Opened":
        """Does it all. Raises what `checks.ports.Store.open` does."""
        self._root.full(self._path)
        self._done.acquire()
        self._link.post(self._begin, self._failed)
        if not self._done.acquire(timeout=_WAIT_SECONDS):
            raise StoreError(f"{show(self._path)}: no answer", cause="ETIMEDOUT")
        if isinstance(self.error, NotFoundError):
            # Has the server no such file, or has it lost the whole folder?
            self._link.ask(partial(self._root.refuse, error=self.error))
        if self.error is not None:
            raise self.error
        return self

    # ---- in the loop, one after the other

    def _begin(self, session: Session) -> None:
        self.session = session
        folder = self._path.rpartition(b"/")[0]
        if not folder or folder in session.folders:
            session.send(wire.LSTAT, wire.text(self._root.full(self._path)), self._looked)
        else:
            session.spawn(self._enter(session, folder))

    async def _enter(self, session: Session, folder: bytes) -> None:
        try:
            await self._root.entered(session, folder)
        except StoreError as error:
            self._failed(error)
        except wire.WireError as error:  # else nobody would hear of it, and whoever opens would wait
            self._failed(session.garbled(error))
        else:
            session.send(wire.LSTAT, wire.text(self._root.full(self._path)), self._looked)

    def _looked(self, kind: int, body: memoryview | Pieces) -> None:
        if kind != wire.ATTRS or isinstance(body, list):
            self._refused(kind, body)
            return
        self.looked = looked = wire.attributes_of(body)
        if looked.kind is not Kind.FILE:
            self._failed(WrongKindError(f"{show(self._path)}: not a regular file", cause="ELOOP"))
            return
        assert self.session is not None
        self.session.send(wire.OPEN, wire.opening(self._root.full(self._path), wire.READING), self._opened)

    def _opened(self, kind: int, body: memoryview | Pieces) -> None:
        if kind != wire.HANDLE or isinstance(body, list):
            self._refused(kind, body)
            return
        self.handle = handle = wire.handle_of(body)
        assert self.session is not None and self.looked is not None
        size = self.looked.size_bytes
        if self.size < 0 or size is None or size > WHOLE_BYTES:
            self.size = -1
        else:
            # One byte more than there should be: a short answer shows that it ends there.
            self.size = size
            self.session.send(wire.READ, wire.reading(handle, 0, size + 1), self._read)
        self.session.send(wire.FSTAT, handle, self._found)
        if self.size >= 0:
            self.session.send(wire.CLOSE, handle, ignored)

    def _read(self, kind: int, body: memoryview | Pieces) -> None:
        if kind == wire.DATA and isinstance(body, list):
            self.pieces = body
        elif kind == wire.STATUS and isinstance(body, memoryview) and wire.status_of(body)[0] == wire.EOF:
            self.pieces = []
        elif kind != LOST and isinstance(body, memoryview):
            self.error = problem(self._path, kind, body)

    def _found(self, kind: int, body: memoryview | Pieces) -> None:
        if kind != wire.ATTRS or isinstance(body, list):
            if self.size < 0 and self.handle is not None and self.session is not None:
                self.session.send(wire.CLOSE, self.handle, ignored)
            self._refused(kind, body)
            return
        self.found = found = wire.attributes_of(body)
        if self.size >= 0:
            self.handle = None
            if self.pieces is not None:
                whole = sum(map(len, self.pieces)) == self.size and found == self.looked
                self.pieces = self.pieces if whole else None
        self._done.release()

    # ---- the end

    def _refused(self, kind: int, body: memoryview | Pieces) -> None:
        if kind == LOST or isinstance(body, list):
            lost = self.session.problem if self.session is not None else None
            self._failed(lost or StoreError(f"{show(self._path)}: the connection was lost", cause="ECONNRESET"))
        else:
            self._failed(problem(self._path, kind, body))

    def _failed(self, error: StoreError) -> None:
        self.error = error if self.error is None or isinstance(error, UnavailableError) else self.error
        self._done.release()


def ignored(kind: int, body: memoryview | Pieces) -> None:
    """Of a file that was only read, nothing depends on its closing."""

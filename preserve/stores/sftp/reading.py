"""An open file on the server, read ahead: many requests are on their way while what came is digested."""

import threading
from contextlib import suppress
from functools import partial

from checks.evidence import Evidence
from checks.names import show
from checks.ports import Kind, NotFoundError, Stat, StoreError, WrongKindError
from preserve.stores.sftp import wire
from preserve.stores.sftp.answers import demanded, problem
from preserve.stores.sftp.link import Link
from preserve.stores.sftp.opening import Opened, ignored
from preserve.stores.sftp.paths import Root
from preserve.stores.sftp.session import LOST, Pieces, Session, waited

_AHEAD_BYTES = 16 << 20  # of all files that are read at once
_MOST_AHEAD, _LEAST_AHEAD = 8 << 20, 1 << 20  # of one of them


class Stream:
    """Reads one handle from an offset on. The lock guards what both threads touch; all requests are made in the loop.

    What comes is kept by its offset until it is its turn. A short answer is asked on from where it ended: only the
    server's EOF is the end.
    """

    def __init__(self, link: Link, session: Session, path: bytes, handle: bytes, offset: int, size: int) -> None:
        self._link, self._session, self._path, self._handle = link, session, path, handle
        self._size = size
        self._changed = threading.Condition()
        self._position = self._edge = self._next = offset  # handed out; had without a gap; to be asked for
        self._pieces: dict[int, Pieces] = {}
        self._ends: dict[int, StoreError | None] = {}  # None: the end of the file
        self._asked = 0
        self._wanted = 0  # bytes that somebody waits for
        self._closed = False

    def begin(self) -> None:
        """In the loop."""
        self._session.readers += 1
        self._ask()

    def readinto(self, buffer: memoryview) -> int:
        """See `checks.ports.Source`."""
        with self._changed:
            self._wanted = min(len(buffer), _LEAST_AHEAD // 2)
            waited(self._changed, self._enough, self._session)
            self._wanted = 0
            if self._edge == self._position and buffer:
                error = self._ends[self._edge]
                if error is not None:
                    raise error
                return 0
            count = self._filled(buffer)
        self._link.post_here(self._ask)
        return count

    def _enough(self) -> bool:
        return self._edge - self._position >= self._wanted or self._edge in self._ends

    def _filled(self, buffer: memoryview) -> int:
        count, room = 0, len(buffer)
        while count < room and (pieces := self._pieces.pop(self._position, None)) is not None:
            for n, piece in enumerate(pieces):
                if len(piece) > room - count:
                    fits = room - count
                    buffer[count:] = piece[:fits]
                    count += fits
                    self._position += fits
                    self._pieces[self._position] = [piece[fits:], *pieces[n + 1 :]]
                    return count
                buffer[count : count + len(piece)] = piece
                count += len(piece)
                self._position += len(piece)
        return count

    # ---- in the loop

    def _ask(self) -> None:
        """As many requests as there may be on their way; beyond the size that it had, one at a time."""
        session, length = self._session, self._session.read_bytes
        ahead = min(_MOST_AHEAD, max(_LEAST_AHEAD, _AHEAD_BYTES // max(session.readers, 1)))
        while not self._closed and not self._ends and self._next - self._position < ahead:
            if self._next > self._size and self._asked:
                return
            least = min(length, self._size - self._next) if self._next < self._size else length
            self._want(self._next, least)
            self._next += least

    def _want(self, offset: int, length: int) -> None:
        self._asked += 1
        self._session.send(wire.READ, wire.reading(self._handle, offset, length), partial(self._came, offset, length))

    def _came(self, offset: int, length: int, kind: int, body: memoryview | Pieces) -> None:
        self._asked -= 1
        with self._changed:
            if kind == wire.DATA and isinstance(body, list):
                count = sum(map(len, body))
                if not 0 < count <= length:
                    self._ends[offset] = StoreError(f"{show(self._path)}: an answer of {count} bytes", cause="EPROTO")
                else:
                    self._pieces[offset] = body
                    if count < length:
                        self._rest(offset + count, length - count)
            else:
                self._ends[offset] = self._end(kind, body)
            while (pieces := self._had(self._edge)) is not None:
                self._edge += pieces
            if self._wanted and self._enough():
                self._changed.notify_all()
        if not self._asked:
            self._ask()

    def _rest(self, offset: int, length: int) -> None:
        if offset >= self._size:
            self._next = offset  # what is behind the size it had is asked for piece by piece
        elif not self._closed:
            self._want(offset, length)

    def _had(self, offset: int) -> int | None:
        pieces = self._pieces.get(offset)
        return None if pieces is None else sum(map(len, pieces))

    def _end(self, kind: int, body: memoryview | Pieces) -> StoreError | None:
        if kind == LOST or isinstance(body, list):
            return self._session.problem or StoreError("the connection was lost", cause="ECONNRESET")
        if kind == wire.STATUS and wire.status_of(body)[0] == wire.EOF:
            return None
        return problem(self._path, kind, body)

    def close(self) -> None:
        """In the loop. What is on its way comes to nothing."""
        if not self._closed:
            self._closed = True
            self._session.readers -= 1
            self._session.send(wire.CLOSE, self._handle, ignored)


class SftpSource:
    """An open file. Its looks are of its handle and of its name both: a file that was put in its place is a change.

    What version 3 tells of a file is size, mode, owner and time in whole seconds. A file that is written to in the very
    second of its last change, and stays as long as it was, looks unchanged; its digest then says that it is another.
    """

    evidence = Evidence.READ

    def __init__(self, link: Link, root: Root, opened: Opened, offset: int, path: bytes) -> None:
        self.path = path
        self._link, self._root, self._opened, self._offset = link, root, opened, offset
        self._first: wire.Attributes | None = opened.found
        self._stream: Stream | None = None
        self._content: memoryview | None = None  # what is left of a small file

    @property
    def mode(self) -> int:
        """Its permissions."""
        found = self._opened.found
        return (found.mode or 0) & 0o7777 if found is not None else 0

    def whole(self, buffer: memoryview, most_bytes: int) -> tuple[int, Stat] | None:
        """See `checks.ports.WholeSource`. It was read when it was opened."""
        opened = self._opened
        if opened.pieces is None or opened.found is None or self._first is None or self._stream is not None:
            return None
        size = opened.size
        if size > most_bytes or size > len(buffer):
            return None
        place = 0
        for piece in opened.pieces:
            buffer[place : place + len(piece)] = piece
            place += len(piece)
        return size, opened.found.stat()

    def stat(self) -> Stat:
        """See `checks.ports.Source`. The first answer is the look taken at opening."""
        first, self._first = self._first, None
        if first is not None and first == self._opened.looked:
            return first.stat()
        try:
            self._hold()
        except (NotFoundError, WrongKindError):
            return Stat(Kind.OTHER, 0, None)  # it is gone since it was read
        return self._link.ask(self._looked)

    async def _looked(self, session: Session) -> Stat:
        handle = self._live(session)
        look = session.asked(wire.FSTAT, handle)
        named = session.asked(wire.LSTAT, wire.text(self._root.full(self.path)))
        found = wire.attributes_of(demanded(self.path, await look, wire.ATTRS))
        answer = await named
        if answer[0] != wire.ATTRS:
            error = problem(self.path, *answer)
            if isinstance(error, NotFoundError):
                return found.stat()._replace(token=(found, None))
            raise error
        by_name = wire.attributes_of(answer[1])
        return found.stat() if by_name == found else found.stat()._replace(token=(found, by_name))

    def _live(self, session: Session) -> bytes:
        """Its handle, which means nothing to any other session than its own."""
        handle = self._opened.handle
        if handle is None or session is not self._opened.session:
            raise StoreError(f"{show(self.path)}: the connection was lost", cause="ECONNRESET")
        return handle

    def readinto(self, buffer: memoryview) -> int:
        """See `checks.ports.Source`."""
        if self._stream is None:
            if self._content is None and self._opened.pieces is not None:
                self._content = memoryview(b"".join(self._opened.pieces))
            if self._content is not None:
                count = min(len(buffer), len(self._content))
                buffer[:count], self._content = self._content[:count], self._content[count:]
                return count
            self._stream = self._begun()
        return self._stream.readinto(buffer)

    def _begun(self) -> Stream:
        self._hold()
        opened = self._opened
        assert opened.session is not None and opened.found is not None and opened.handle is not None
        size = opened.found.size_bytes or 0
        stream = Stream(self._link, opened.session, self.path, opened.handle, self._offset, size)
        self._link.post_here(stream.begin)
        return stream

    def _hold(self) -> None:
        """A small file that was read while it was opened is closed again: opens it, for another look or reading."""
        if self._opened.handle is None:
            self._opened = Opened(self._link, self._root, self.path, offset=-1).wait()

    def close(self) -> None:
        opened, stream = self._opened, self._stream
        with suppress(StoreError):
            if stream is not None:
                self._link.post_here(stream.close)
            elif opened.handle is not None and opened.session is not None:
                self._link.post_here(partial(opened.session.send, wire.CLOSE, opened.handle, ignored))

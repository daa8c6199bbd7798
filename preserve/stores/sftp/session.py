"""One SFTP session: requests out, answers to whoever asked. Everything here runs in the thread of the event loop.

asyncssh's own SFTP client makes a task for each request; twenty thousand small files cost it twice the time that the
server takes. Here a request is a few bytes in a buffer and an answer is a call, and what was asked in one turn of the
loop leaves in one packet.
"""

import asyncio
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import asyncssh

from checks.names import show
from checks.ports import StoreError
from preserve.stores.sftp import wire
from preserve.stores.sftp.wire import WireError

Pieces = list[memoryview]
Answer = Callable[[int, "memoryview | Pieces"], None]  # the kind of answer (LOST: none came), and what it says

LOST = -1
SILENT_SECONDS = 60.0  # without any answer, while some are due
OLDEST_SECONDS = 600.0  # one that is passed over by others
ANSWER_SECONDS = 1800.0  # any one of them, however much else is answered: 16 MiB on their way at 9 kB/s
_LOOK_SECONDS = 5.0
_MOST_PACKET_BYTES = 1 << 20  # no answer that we ask for is longer

_head = struct.Struct(">IBI")
_data_head = struct.Struct(">IBII")


class Session(asyncssh.SSHClientSession[bytes]):
    """Speaks SFTP over one channel.

    `problem` is set once it is lost; then every answer that was due is LOST, and nothing can be asked any more.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self._waiting: dict[int, tuple[Answer, float]] = {}  # and when it was asked
        self._last = 0
        self._out: list[bytes] = []
        self._rest = b""
        self._pieces: Pieces = []
        self._missing = 0  # bytes of a DATA answer that is on its way
        self._receiver: Answer | None = None
        self._receiving_since = 0.0
        self._heard = self._loop.time()
        self._oldest = (0, self._heard)
        self._tasks: set[asyncio.Task[None]] = set()
        self._watch: asyncio.TimerHandle | None = None
        self.problem: StoreError | None = None
        self.version: asyncio.Future[dict[bytes, bytes]] = self._loop.create_future()
        self.extensions: dict[bytes, bytes] = {}
        self.read_bytes = self.write_bytes = wire.SAFE_BYTES
        self.folders: set[bytes] = set()  # seen as real folders, with no link on the way to them
        self.readers = 0  # large files that are being read

    # ---- asking

    def send(self, kind: int, content: bytes, answer: Answer) -> None:
        """Asks; `answer` is called once, perhaps at once."""
        if self.problem is not None:
            answer(LOST, [])
            return
        if not self._waiting:
            self._heard = self._loop.time()
        self._last = number = (self._last + 1) & 0xFFFFFFFF
        self._waiting[number] = answer, self._loop.time()
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(_head.pack(len(content) + 5, kind, number))
        self._out.append(content)

    async def ask(self, kind: int, content: bytes) -> tuple[int, memoryview]:
        """The answer, DATA excepted; StoreError if there is none."""
        return await self.asked(kind, content)

    def asked(self, kind: int, content: bytes) -> "asyncio.Future[tuple[int, memoryview]]":
        """Sends now, for whoever asks several things at once, in this order."""
        future: asyncio.Future[tuple[int, memoryview]] = self._loop.create_future()

        def answered(kind: int, body: memoryview | Pieces) -> None:
            if future.done():
                return
            if kind == LOST:
                future.set_exception(self.problem or StoreError("the connection was lost", cause="ECONNRESET"))
                future.exception()  # taken note of: whoever was to wait may have failed before
            else:
                future.set_result((kind, body if isinstance(body, memoryview) else memoryview(b"".join(body))))

        self.send(kind, content, answered)
        return future

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Has a coroutine run, for what was begun by an answer."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _flush(self) -> None:
        out, self._out = self._out, []
        if self.problem is None and self._channel is not None:
            with self._failing():
                self._channel.write(b"".join(out))

    def greet(self) -> None:
        """Says the first word, to which `version` is the answer."""
        assert self._channel is not None
        self._channel.write(struct.pack(">IBI", 5, wire.INIT, wire.VERSION_WANTED))
        self._watch = self._loop.call_later(min(_LOOK_SECONDS, SILENT_SECONDS / 4), self._look)

    # ---- what asyncssh calls

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._channel = chan

    def eof_received(self) -> bool:
        self.lose(StoreError("the server ended the session", cause="ECONNRESET"))
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.lose(StoreError("the connection was lost", cause="ECONNRESET"))

    def data_received(self, data: bytes, datatype: int | None = None) -> None:
        if datatype is not None or self.problem is not None:
            return  # what it writes to its standard error
        self._heard = self._loop.time()
        with self._failing():
            self._taken(data)

    def _taken(self, data: bytes) -> None:
        if self._missing:
            data = self._more(data)
            if self._missing:
                return
        if self._rest:
            data, self._rest = self._rest + data, b""
        view, place, end = memoryview(data), 0, len(data)
        while end - place >= 9:
            length, kind, number = _head.unpack_from(data, place)
            if not 5 <= length <= _MOST_PACKET_BYTES:
                raise WireError("an answer of an impossible length")
            stop = place + 4 + length
            if kind == wire.DATA and end - place >= 13:
                (_, _, _, size) = _data_head.unpack_from(data, place)
                if size + 9 != length:
                    raise WireError("an answer of two lengths")
                answer = self._answer(number)
                if stop <= end:
                    _hand(answer, kind, [view[place + 13 : stop]])
                else:
                    self._pieces, self._receiver, self._missing = [view[place + 13 :]], answer, stop - end
                    self._receiving_since = self._heard
                    return
            elif stop > end:
                break
            elif kind == wire.VERSION:
                if number < wire.VERSION_WANTED:
                    raise WireError(f"a server of version {number}")
                if self.version.done():
                    raise WireError("a second greeting")
                self.version.set_result(wire.extensions_of(view[place + 9 : stop]))
            else:
                _hand(self._answer(number), kind, view[place + 9 : stop])
            place = stop
        self._rest = data[place:]

    def _more(self, data: bytes) -> bytes:
        """Takes what belongs to a DATA answer, and gives back the rest."""
        if len(data) < self._missing:
            self._pieces.append(memoryview(data))
            self._missing -= len(data)
            return b""
        self._pieces.append(memoryview(data)[: self._missing])
        rest = data[self._missing :]
        self._missing = 0
        pieces, self._pieces = self._pieces, []
        receiver, self._receiver = self._receiver, None
        assert receiver is not None
        _hand(receiver, wire.DATA, pieces)
        return rest

    def _answer(self, number: int) -> Answer:
        waiting = self._waiting.pop(number, None)
        if waiting is None:
            raise WireError("an answer to what nobody asked")
        return waiting[0]

    # ---- losing it

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """What goes wrong here must not end the loop, nor leave anybody waiting."""
        try:
            yield
        except WireError as error:
            self.garbled(error)
        except (OSError, asyncssh.Error) as error:
            words = show(str(error)[: wire.MOST_WORDS].encode("utf-8", "replace"))
            self.lose(StoreError(f"the connection was lost: {words}", cause="ECONNRESET"))

    def garbled(self, error: WireError) -> StoreError:
        """Ends it, where an answer cannot be understood: then none of them can be believed. What to raise."""
        problem = StoreError(f"the server speaks no SFTP of version 3: {error}", cause="EPROTO")
        self.lose(problem)
        return problem

    def _look(self) -> None:
        """Gives up on a server that hangs: nobody waits for ever."""
        if self.problem is not None:
            return
        now = self._loop.time()
        if (waits := self._waits(now)) is not None:
            self.lose(StoreError(f"no answer for {waits:.0f} seconds", cause="ETIMEDOUT"))
        else:
            self._watch = self._loop.call_later(min(_LOOK_SECONDS, SILENT_SECONDS / 4), self._look)

    def _waits(self, now: float) -> float | None:
        """For how many seconds somebody waits in vain; None if nobody waits for too long."""
        oldest, (_, asked) = next(iter(self._waiting.items()), (0, (None, now)))
        if oldest != self._oldest[0]:
            self._oldest = (oldest, now)
        silent = now - self._heard if oldest or self._missing else 0.0
        passed_over = now - self._oldest[1] if oldest else 0.0
        dripping = now - self._receiving_since if self._missing else 0.0
        limits = (SILENT_SECONDS, OLDEST_SECONDS, OLDEST_SECONDS, ANSWER_SECONDS)
        each = zip((silent, passed_over, dripping, now - asked), limits, strict=True)
        return next((waits for waits, most in each if waits > most), None)

    def lose(self, problem: StoreError) -> None:
        """Ends it; everybody who waits is told."""
        if self.problem is not None:
            return
        self.problem = problem
        if self._watch is not None:
            self._watch.cancel()
        if not self.version.done():
            self.version.set_exception(problem)
            self.version.exception()
        waiting, self._waiting = [answer for answer, _ in self._waiting.values()], {}
        if self._receiver is not None:
            waiting.append(self._receiver)
        self._receiver, self._missing, self._pieces, self._rest = None, 0, [], b""
        for answer in waiting:
            answer(LOST, [])
        if self._channel is not None:
            self._channel.abort()


def waited(changed: threading.Condition, ready: Callable[[], object], session: Session) -> None:
    """Waits, holding the lock, until it is ready. StoreError if the session is lost and nothing will come any more."""
    while not changed.wait_for(ready, 0.0 if session.problem is not None else _LOOK_SECONDS):
        if session.problem is not None:
            raise StoreError(str(session.problem), cause=session.problem.cause)


def _hand(answer: Answer, kind: int, body: "memoryview | Pieces") -> None:
    """Gives an answer to who asked; who cannot understand it is told that none came."""
    try:
        answer(kind, body)
    except WireError:
        answer(LOST, [])
        raise

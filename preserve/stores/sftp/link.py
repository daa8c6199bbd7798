"""One connection, used from any thread: an event loop in a thread of its own, begun and connected when it is needed."""

import asyncio
import os
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import Any, TypeVar

import asyncssh

from checks.ports import StoreError
from preserve.stores.sftp.connecting import Server, connected
from preserve.stores.sftp.session import Session
from preserve.stores.sftp.wire import WireError

Answer = TypeVar("Answer")
Begin = Callable[[Session], None]  # runs in the loop
Fail = Callable[[StoreError], None]

_LAST_TURNS = 10  # of a loop that ends: what was aborted closes its sockets in them
_WAIT_SECONDS = 1800.0  # nothing takes so long: the session's own watch ends what hangs


class Link:
    """Connected at the first question, and anew at the first one after a cut."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._lock = threading.Lock()
        self._running: _Running | None = None

    def ask(self, work: Callable[[Session], Coroutine[Any, Any, Answer]]) -> Answer:
        """What a coroutine in the loop comes to. From any thread but the loop's."""
        return self.result(self.begin(work))

    def begin(self, work: Callable[[Session], Coroutine[Any, Any, Answer]]) -> Future[Answer]:
        """Like `ask`, for whoever does something else in the meantime."""
        running = self._started()
        return asyncio.run_coroutine_threadsafe(running.with_session(work), running.loop)

    def result(self, begun: Future[Answer]) -> Answer:
        """What came of it."""
        try:
            return begun.result(_WAIT_SECONDS)
        except TimeoutError as error:
            raise StoreError(f"{self.server.name}: no answer", cause="ETIMEDOUT") from error
        except CancelledError as error:
            raise StoreError(f"{self.server.name}: the connection was closed", cause="ECONNRESET") from error
        finally:
            begun.cancel()  # if Ctrl-C ended the waiting

    def post(self, begin: Begin, fail: Fail) -> None:
        """Has `begin` called in the loop, soon, with a session, or `fail` with why there is none. Neither may raise."""
        self._started().post(lambda running: running.begin(begin, fail))

    def post_here(self, call: Callable[[], None]) -> None:
        """Has something called in the loop if that runs at all: what belongs to a session that may be gone."""
        running = self._running
        if running is not None and running.process == os.getpid():
            running.post(lambda _: call())

    def close(self) -> None:
        """Ends connection and thread; both come anew when something is asked again."""
        with self._lock:
            running, self._running = self._running, None
        if running is not None and running.process == os.getpid():
            running.stop()

    def __del__(self) -> None:
        with suppress(RuntimeError):
            self.close()

    def _started(self) -> "_Running":
        running = self._running
        if running is not None and running.process == os.getpid():
            return running
        with self._lock:
            # A forked process has the memory of a loop, and no thread that runs it.
            if self._running is None or self._running.process != os.getpid():
                self._running = _Running(self.server)
            return self._running


class _Running:
    """The loop, its thread and the connection of the moment."""

    def __init__(self, server: Server) -> None:
        self.process = os.getpid()
        self.loop = asyncio.new_event_loop()
        self._server = server
        self._posted: deque[Callable[[_Running], None]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._awake = False
        self._connection: asyncssh.SSHClientConnection | None = None
        self._session: Session | None = None
        self._connecting: asyncio.Task[Session] | None = None
        self._thread = threading.Thread(target=self._run, name="sftp", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self.loop.run_forever()
        self.loop.run_until_complete(self._finish())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()

    async def _finish(self) -> None:
        pending = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        for _ in range(_LAST_TURNS):
            await asyncio.sleep(0)

    def post(self, call: "Callable[[_Running], None]") -> None:
        self._posted.append(call)
        if not self._awake:  # one wake-up for all that many threads ask at once
            self._awake = True
            try:
                self.loop.call_soon_threadsafe(self._drain)
            except RuntimeError as error:
                raise StoreError("the connection was closed", cause="ECONNRESET") from error

    def _drain(self) -> None:
        self._awake = False
        while self._posted:
            self._posted.popleft()(self)

    def begin(self, begin: Begin, fail: Fail) -> None:
        """In the loop: at once where there is a session, as nearly always."""
        session = self._session
        if session is not None and session.problem is None:
            begin(session)
            return

        async def later() -> None:
            try:
                session = await self._ready()
            except StoreError as error:
                fail(error)
            except BaseException:
                fail(StoreError("the connection was closed", cause="ECONNRESET"))
                raise
            else:
                begin(session)

        task = self.loop.create_task(later())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        """From any thread, the loop's too (where a store is let go by the last of its callbacks)."""
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self._end)
        if threading.current_thread() is not self._thread:
            self._thread.join(5.0)

    def _end(self) -> None:
        if self._session is not None:
            self._session.lose(StoreError("the connection was closed", cause="ECONNRESET"))
        if self._connection is not None:
            self._connection.abort()
        self.loop.stop()

    async def with_session(self, work: Callable[[Session], Awaitable[Answer]]) -> Answer:
        session = await self._ready()
        try:
            return await work(session)
        except WireError as error:
            raise StoreError(f"{self._server.name}: {session.garbled(error)}", cause="EPROTO") from error

    async def _ready(self) -> Session:
        session = self._session
        if session is not None and session.problem is None:
            return session
        # All who ask at once wait for one attempt, which none of them ends by going away.
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect())
        return await asyncio.shield(self._connecting)

    async def _connect(self) -> Session:
        try:
            if self._connection is not None:
                self._connection.abort()
            self._connection, self._session = await connected(self._server)
            return self._session
        finally:
            self._connecting = None

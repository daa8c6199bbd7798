"""Writing a file: many requests on their way, under a name of ours beside its place until it is whole and flushed."""

import hashlib
import threading
from functools import partial

from checks.names import show
from checks.ports import Kind, NotFoundError, StoreError
from preserve.stores.identity import IDENTITY_FILE, OURS
from preserve.stores.port import ExistsError, FullError
from preserve.stores.sftp import wire
from preserve.stores.sftp.answers import demanded, full_or, gone, not_done, problem
from preserve.stores.sftp.link import Link
from preserve.stores.sftp.paths import Root, flushed, looked_at
from preserve.stores.sftp.session import LOST, Pieces, Session, waited
from preserve.stores.trial_names import is_trial

RESUMED_FROM_BYTES = 8 << 20  # what is left of a shorter file is not worth going on with
_WHOLE_BYTES = 1 << 20  # written() counts in these: the last one may not have come whole
_AHEAD_BYTES = 4 << 20
_LATEST = 0xFFFFFFFF  # the protocol's last second


def partial_of(path: bytes) -> bytes:
    """What a file is called while it is written: the same for every run, so that the next one finds it.

    Out of the whole name, whose length it does not grow with.
    """
    folder, slash, name = path.rpartition(b"/")
    return folder + slash + b".%s.partial" % hashlib.sha256(name).hexdigest()[:32].encode()


class Upload:
    """A file in the making. `sink` and `finish` are for the thread that writes it."""

    def __init__(
        self, link: Link, root: Root, path: bytes, *, size_bytes: int | None, modified_ns: int | None, offset: int = 0
    ) -> None:
        self._link, self._root, self._path, self._partial = link, root, path, partial_of(path)
        self._expected, self._modified_ns = size_bytes, modified_ns
        self._offset = self._begun_at = offset
        self._changed = threading.Condition()
        self._unanswered = 0  # bytes
        self._acknowledged = offset
        self._error: StoreError | None = None
        self._session: Session | None = None
        self._handle = b""
        self._useless = False  # what stands there already cannot be gone on with

    async def begin(self, session: Session) -> None:
        """Opens the file beside its place. ExistsError if something stands there, or another is writing it just now."""
        root, path = self._root, self._path
        folder, _, name = path.rpartition(b"/")
        # Only these are written where no replica may be yet.
        begins = path == IDENTITY_FILE or (folder == OURS and is_trial(name))
        await root.entered(session, folder, make=True, begins=begins)
        await vacant(session, root, path)
        full = root.full(self._partial)
        if self._offset:
            await self._resumable(session)
            answer = await session.ask(wire.OPEN, wire.opening(full, wire.WRITING))
        else:
            answer = await session.ask(wire.OPEN, wire.opening(full, wire.WRITING | wire.MAKING | wire.NEW))
            if answer[0] == wire.STATUS:
                # What a killed run left, if anything: nobody else writes to a place that one run holds.
                removed = await session.ask(wire.REMOVE, wire.text(full))
                if removed[0] == wire.STATUS and wire.status_of(removed[1])[0] == wire.OK:
                    answer = await session.ask(wire.OPEN, wire.opening(full, wire.WRITING | wire.MAKING | wire.NEW))
        if answer[0] != wire.HANDLE:
            error = await full_or(session, root.path, problem(path, *answer), _WHOLE_BYTES)
            raise self._not_resumed(session, error) if self._offset else error
        self._handle, self._session = wire.handle_of(answer[1]), session
        if self._offset:
            # Beyond it there may be bytes that were never acknowledged.
            kind, body = await session.ask(wire.FSETSTAT, wire.sized(self._handle, self._offset))
            if kind != wire.STATUS or wire.status_of(body)[0] != wire.OK:
                raise self._not_resumed(session, problem(path, kind, body))

    def _not_resumed(self, session: Session, error: StoreError) -> StoreError:
        """The error to raise where a server refuses to go on with it.

        `abandon` takes it away, and the next try begins anew: kept, it would be in the way of every later one.
        """
        if isinstance(error, FullError):
            return error
        self._session, self._useless = session, True
        text = f"{show(self._path)}: what was written of it cannot be gone on with, and was taken away ({error.cause})"
        return StoreError(text, cause="EAGAIN")

    async def _resumable(self, session: Session) -> None:
        found = await looked_at(session, self._root, self._partial)
        if found.kind is not Kind.FILE or (found.size_bytes or 0) < self._offset:
            raise StoreError(f"{show(self._path)}: what was written of it is not there any more", cause="changed")

    def sink(self, buffer: memoryview) -> None:
        """Takes what is to be written next. Raises what went wrong with anything given before."""
        assert self._session is not None
        step = self._session.write_bytes
        while buffer:
            with self._changed:
                waited(self._changed, lambda: self._error or self._unanswered < _AHEAD_BYTES, self._session)
                if self._error is not None:
                    raise self._error
                part, buffer = buffer[: _AHEAD_BYTES // 4], buffer[_AHEAD_BYTES // 4 :]
                self._unanswered += len(part)
            requests = []
            for place in range(0, len(part), step):
                content = part[place : place + step]
                request = wire.writing(self._handle, self._offset, content)
                requests.append((self._offset, len(content), request))
                self._offset += len(content)
            self._link.post_here(partial(self._send, requests))

    def _send(self, requests: list[tuple[int, int, bytes]]) -> None:
        assert self._session is not None
        for offset, count, request in requests:
            self._session.send(wire.WRITE, request, partial(self._answered, offset, count))

    def _answered(self, offset: int, count: int, kind: int, body: memoryview | Pieces) -> None:
        with self._changed:
            self._unanswered -= count
            if kind == LOST or isinstance(body, list):
                lost = self._session.problem if self._session is not None else None
                self._error = self._error or lost or StoreError("the connection was lost", cause="ECONNRESET")
            elif kind != wire.STATUS or wire.status_of(body)[0] != wire.OK:
                self._error = self._error or problem(self._path, kind, body)
            elif offset == self._acknowledged:
                self._acknowledged += count
            self._changed.notify_all()

    def finish(self) -> None:
        """All is there, flushed, and stands under its name; else an error."""
        assert self._session is not None
        with self._changed:
            waited(self._changed, lambda: self._error or not self._unanswered, self._session)
        if self._error is not None:
            raise self._error
        if self._expected is not None and self._offset != self._expected:
            raise StoreError(
                f"{show(self._path)}: {self._offset} bytes were given for a file of {self._expected}", cause="size"
            )
        self._link.ask(self._finish)

    async def _finish(self, session: Session) -> None:
        if session is not self._session:
            raise StoreError(f"{show(self._path)}: the connection was lost", cause="ECONNRESET")
        handle, full = self._handle, self._root.full(self._partial)
        seconds = -1 if self._modified_ns is None else self._modified_ns // 1_000_000_000
        if 0 <= seconds <= _LATEST:
            session.asked(wire.FSETSTAT, wire.timed(handle, seconds))  # refused by some; the content is what counts
        written = session.asked(wire.FSTAT, handle)
        fsync = wire.FSYNC in session.extensions
        if fsync:
            flush = session.asked(wire.EXTENDED, wire.extended(wire.FSYNC, handle))
        named = session.asked(wire.LSTAT, wire.text(full))
        closed = session.asked(wire.CLOSE, handle)
        mine = wire.attributes_of(demanded(self._path, await written, wire.ATTRS))
        if fsync:
            demanded(self._path, await flush, wire.STATUS)
        by_name = await named
        demanded(self._path, await closed, wire.STATUS)  # some servers tell only now that they could not write
        self._handle = b""
        if by_name[0] != wire.ATTRS or wire.attributes_of(by_name[1]) != mine or mine.size_bytes != self._offset:
            raise StoreError(f"{show(self._path)}: something else writes to it", cause="changed")
        await renamed(session, self._root, self._partial, self._path)

    def abandon(self, error: BaseException) -> StoreError | None:
        """Takes away what was written, but what the next run can go on with. The error to raise instead, if any."""
        instead: list[StoreError] = []

        async def clear(session: Session) -> None:
            if session is self._session and self._handle:
                await session.ask(wire.CLOSE, self._handle)
            if isinstance(error, StoreError):
                found = await full_or(session, self._root.path, error, _AHEAD_BYTES)
                instead.append(found)
            kept = self._acknowledged >= RESUMED_FROM_BYTES and not (self._useless or isinstance(error, ExistsError))
            if not kept or any(isinstance(each, FullError) for each in instead):
                await session.ask(wire.REMOVE, wire.text(self._root.full(self._partial)))

        if self._session is None or (self._session.problem is not None and self._acknowledged >= RESUMED_FROM_BYTES):
            return None
        try:
            self._link.ask(clear)
        except StoreError:
            return None  # nobody is there who could take it away; under its name nothing stands
        return instead[0] if instead and instead[0] is not error else None


async def vacant(session: Session, root: Root, path: bytes) -> None:
    """ExistsError if anything stands there."""
    kind, body = await session.ask(wire.LSTAT, wire.text(root.full(path)))
    if kind == wire.ATTRS:
        raise ExistsError(f"{show(path)}: something stands there already", cause="EEXIST")
    if not isinstance(error := problem(path, kind, body), NotFoundError):
        raise error


async def renamed(session: Session, root: Root, source: bytes, target: bytes) -> None:
    """Renames without replacing anything, and flushes the folders.

    Version 3 says that a rename fails if the target stands (§6.5), and OpenSSH's does: a file gets its new name by
    link(2). Others replace it, so it is looked at before; between the two there is a moment on those. A server that
    says that it is done is looked at once more.
    """
    before = session.asked(wire.LSTAT, wire.text(root.full(source)))
    await vacant(session, root, target)
    had = await before
    answer = await session.ask(wire.RENAME, wire.text(root.full(source)) + wire.text(root.full(target)))
    if answer[0] != wire.STATUS or wire.status_of(answer[1])[0] != wire.OK:
        error = problem(source, *answer)
        await vacant(session, root, target)
        await root.refuse(session, error)
    folders = {each.rpartition(b"/")[0] for each in (source, target)}
    for folder in folders:
        await flushed(session, root.full(folder))
    await _moved(session, root, had, source, target)


async def renaming_is_refused(session: Session, root: Root, source: bytes, target: bytes) -> bool:
    """Whether the server itself does not rename a file over another; both are ours, for trial."""
    answer = await session.ask(wire.RENAME, wire.text(root.full(source)) + wire.text(root.full(target)))
    if answer[0] != wire.STATUS:
        raise problem(source, *answer)
    return wire.status_of(answer[1])[0] != wire.OK


async def _moved(session: Session, root: Root, had: tuple[int, memoryview], source: bytes, target: bytes) -> None:
    """A server's word is not enough: what stood at `source` stands at `target`, and nothing does where it was."""
    look = session.asked(wire.LSTAT, wire.text(root.full(target)))
    await gone(session, source, root.full(source))
    kind, body = await look
    if kind != wire.ATTRS or had[0] != wire.ATTRS:
        raise not_done(target)
    now, then = wire.attributes_of(body), wire.attributes_of(had[1])
    same_file = now.kind is not Kind.FILE or (now.size_bytes, now.modified) == (then.size_bytes, then.modified)
    if now.kind is not then.kind or not same_file:
        raise not_done(target)


async def written(session: Session, root: Root, path: bytes) -> int:
    """See `preserve.stores.capabilities.Resuming`: whole mebibytes, and nothing of what is quickly written again."""
    try:
        found = await looked_at(session, root, partial_of(path))
    except NotFoundError:
        return 0
    size = found.size_bytes or 0
    return 0 if found.kind is not Kind.FILE or size < RESUMED_FROM_BYTES else size // _WHOLE_BYTES * _WHOLE_BYTES

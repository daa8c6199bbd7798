"""A replica on an SFTP server."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Lock

from checks.names import show
from checks.ports import Kind, Listed, NotFoundError, Stat, StoreError, UnavailableError, WrongKindError
from preserve.stores.identity import IDENTITY_FILE, LIMIT_BYTES, NO_IDENTITY, OURS, identity_from
from preserve.stores.local import Name
from preserve.stores.port import ExistsError, Sink
from preserve.stores.sftp import answers, wire
from preserve.stores.sftp.answers import demanded, full_or, gone, not_done, problem
from preserve.stores.sftp.connecting import Server
from preserve.stores.sftp.link import Link
from preserve.stores.sftp.listing import listing, names_in, sizes
from preserve.stores.sftp.opening import Opened
from preserve.stores.sftp.paths import Root, flushed, looked_at, refused
from preserve.stores.sftp.reading import SftpSource
from preserve.stores.sftp.session import Session
from preserve.stores.sftp.writing import Upload, renamed, renaming_is_refused, written
from preserve.stores.trial_names import refuse_other_than_trial, trial_name

_IN_FLIGHT = 32


def _no_secret() -> None:
    return None


class SftpStore:
    """Reads and writes below a folder of an SFTP server: `WritableStore`, `Renaming`, `Resuming`, `Refusing`,
    `Sizing`.

    Safe to share between threads; connected when it is first asked, and anew after a cut. Links below the root are
    never followed (see `Root` for what remains). Nothing stands under its name before it is whole and flushed.

    Args:
        path: the replica's folder; one that does not begin with `/` is below the user's home.
        known_hosts: whose keys are believed; ~/.ssh/known_hosts by default.
        key: a private key's file; by default those of the agent and of ~/.ssh.
        secret: asked at each connecting for the password, or the passphrase of `key`.
        where: the place, for people.
    """

    def __init__(
        self,
        host: str,
        port: int,
        user: str | None,
        path: bytes,
        *,
        known_hosts: Path | None = None,
        key: Path | None = None,
        secret: Callable[[], str | None] = _no_secret,
        where: str | None = None,
    ) -> None:
        known = known_hosts or Path("~/.ssh/known_hosts").expanduser()
        server = Server(host=host, port=port, user=user, known_hosts=known, key=key, secret=secret)
        self._link = Link(server)
        self._root = Root(path)
        self._where = where or f"sftp://{server.name}/{show(path.lstrip(b'/'))}"
        self._writing: set[bytes] = set()
        self._lock = Lock()

    def __repr__(self) -> str:
        return f"SftpStore({self._where!r})"

    @property
    def where(self) -> str:
        return self._where

    @property
    def in_flight(self) -> int:
        return _IN_FLIGHT

    # ---- reading

    def identity(self) -> str:
        """See `checks.ports.Store`. Folders that were seen are looked at anew from here on."""
        place = f"{self._where}/{show(IDENTITY_FILE)}"
        # Around the asking: a line that is cut, or an answer that is none, is known only there.
        try:
            return identity_from(self._link.ask(self._identity), place.encode()).uuid
        except UnavailableError:
            raise
        except NotFoundError as error:
            raise UnavailableError(f"{self._where}: {NO_IDENTITY}", cause=NO_IDENTITY) from error
        except StoreError as error:  # this replica is away, and no other
            raise UnavailableError(f"{place}: {error.cause or error}", cause=error.cause or "unreadable") from error

    async def _identity(self, session: Session) -> bytes:
        session.folders.clear()
        return await self._small(session, IDENTITY_FILE)

    async def _small(self, session: Session, path: bytes) -> bytes:
        """A small file of ours, read anew."""
        found = await looked_at(session, self._root, path)
        if found.kind is not Kind.FILE:
            raise WrongKindError(f"{show(path)}: not a regular file", cause="ELOOP")
        answer = await session.ask(wire.OPEN, wire.opening(self._root.full(path), wire.READING))
        handle = wire.handle_of(demanded(path, answer, wire.HANDLE))
        content = b""
        try:
            while len(content) < LIMIT_BYTES:
                kind, body = await session.ask(wire.READ, wire.reading(handle, len(content), wire.SAFE_BYTES))
                if kind == wire.STATUS and wire.status_of(body)[0] == wire.EOF:
                    break
                piece = demanded(path, (kind, body), wire.DATA)
                if not 0 < len(piece) <= wire.SAFE_BYTES:
                    raise StoreError(f"{show(path)}: an answer of {len(piece)} bytes", cause="EPROTO")
                content += piece
        finally:
            await session.ask(wire.CLOSE, handle)
        return content

    def stat(self, path: bytes) -> Stat:
        """See `checks.ports.Store`. Symbolic links are told as such."""
        return self._link.ask(lambda session: looked_at(session, self._root, path)).stat()

    def listing(self, root: bytes) -> Iterator[Listed]:
        """See `checks.ports.Store`. Folders in which there is nothing are not named."""
        return listing(self._link, self._root, root)

    def sizes(self, root: bytes) -> Iterator[tuple[bytes, int]]:
        """See `Sizing`. UnavailableError or StoreError for any folder that cannot be listed."""
        return sizes(self._link, self._root, root)

    def names_in(self, folder: bytes, *, stats: bool = False) -> Collection[Name]:
        """One folder's names in order, that of a folder with `/` at its end; never with stats."""
        return names_in(self._link, self._root, folder)

    def open(self, path: bytes, *, past_cache: bool, offset: int = 0, expected_bytes: int | None = None) -> SftpSource:
        """See `checks.ports.Store`. What the server's cache holds cannot be passed by: the evidence is READ."""
        opened = Opened(self._link, self._root, path, offset=offset).wait()
        return SftpSource(self._link, self._root, opened, offset, path)

    # ---- writing

    @contextmanager
    def create(
        self, path: bytes, *, size_bytes: int | None = None, sha256: bytes | None = None, modified_ns: int | None = None
    ) -> Iterator[Sink]:
        """See `WritableStore`. The server cannot be asked for a digest: only its size is compared.

        Of a file over 8 MiB what was written stays, under a name of ours, for `resume`. A connection that is cut
        between the last request and its answer leaves it open whether the file stands.
        """
        upload = Upload(self._link, self._root, path, size_bytes=size_bytes, modified_ns=modified_ns)
        with self._upload(path, upload) as sink:
            yield sink

    def written(self, path: bytes) -> int:
        """See `Resuming`."""
        return self._link.ask(lambda session: written(session, self._root, path))

    @contextmanager
    def resume(
        self, path: bytes, offset: int, *, size_bytes: int, sha256: bytes | None = None, modified_ns: int | None = None
    ) -> Iterator[Sink]:
        """See `Resuming`. What stood there already is not read here: whoever publishes the file reads it back."""
        upload = Upload(self._link, self._root, path, size_bytes=size_bytes, modified_ns=modified_ns, offset=offset)
        with self._upload(path, upload) as sink:
            yield sink

    @contextmanager
    def _upload(self, path: bytes, upload: Upload) -> Iterator[Sink]:
        self._root.full(path)
        with self._lock:
            if path in self._writing:
                raise ExistsError(f"{show(path)}: it is being written", cause="EEXIST")
            self._writing.add(path)
        try:
            self._link.ask(upload.begin)
            yield upload.sink
            upload.finish()
        except BaseException as error:
            instead = upload.abandon(error)
            if instead is not None:
                raise instead from error
            raise
        finally:
            with self._lock:
                self._writing.discard(path)

    def refuses_overwriting(self, trial: bytes, content: bytes) -> bool:
        """See `preserve.stores.capabilities.Refusing`: RENAME, which gives a file its name, past the look before it."""
        refuse_other_than_trial(trial)
        other = OURS + b"/" + trial_name()
        with self.create(other, size_bytes=len(content)) as sink:
            sink(memoryview(content))
        try:
            return self._link.ask(lambda session: renaming_is_refused(session, self._root, other, trial))
        finally:
            with suppress(NotFoundError):
                self.remove(other)

    def append(self, path: bytes, content: bytes) -> None:
        """See `WritableStore`. The server adds each request at the end (SSH_FXF_APPEND); one takes 32 KiB."""
        self._link.ask(lambda session: self._append(session, path, content))

    async def _append(self, session: Session, path: bytes, content: bytes) -> None:
        folder = path.rpartition(b"/")[0]
        await self._root.entered(session, folder, make=True)
        full = self._root.full(path)
        kind, body = await session.ask(wire.LSTAT, wire.text(full))
        new = kind != wire.ATTRS
        if not new and wire.attributes_of(body).kind is not Kind.FILE:
            raise WrongKindError(f"{show(path)}: not a regular file", cause="ELOOP")
        flags = wire.WRITING | wire.APPENDING | wire.MAKING
        answer = await session.ask(wire.OPEN, wire.opening(full, flags))
        try:
            handle = wire.handle_of(demanded(path, answer, wire.HANDLE))
            asked = [
                session.asked(wire.WRITE, wire.writing(handle, 0, content[n : n + wire.SAFE_BYTES]))
                for n in range(0, len(content), wire.SAFE_BYTES)
            ]
            if wire.FSYNC in session.extensions:
                asked.append(session.asked(wire.EXTENDED, wire.extended(wire.FSYNC, handle)))
            asked.append(session.asked(wire.CLOSE, handle))
            for each in asked:
                demanded(path, await each, wire.STATUS)
        except StoreError as error:
            raise await full_or(session, self._root.path, error, len(content)) from error
        if new:
            await flushed(session, self._root.full(folder))
        had = 0 if new else wire.attributes_of(body).size_bytes or 0
        now = await looked_at(session, self._root, path)
        if now.kind is not Kind.FILE or (now.size_bytes or 0) < had + len(content):
            raise not_done(path)

    def remove(self, path: bytes) -> None:
        """See `WritableStore`. Of a link, the link."""
        self._link.ask(lambda session: self._remove(session, wire.REMOVE, path))

    def remove_folder(self, path: bytes) -> None:
        """See `WritableStore`."""
        self._link.ask(lambda session: self._remove(session, wire.RMDIR, path))

    async def _remove(self, session: Session, how: int, path: bytes) -> None:
        folder = path.rpartition(b"/")[0]
        full = self._root.full(path)
        await self._root.entered(session, folder)
        answer = await session.ask(how, wire.text(full))
        if how == wire.RMDIR:
            session.folders.clear()
        if answer[0] != wire.STATUS or wire.status_of(answer[1])[0] != wire.OK:
            await self._root.refuse(session, problem(path, *answer))
        await flushed(session, self._root.full(folder))
        await gone(session, path, full)

    def rename(self, source: bytes, target: bytes) -> None:
        """See `Renaming`."""
        self._link.ask(lambda session: self._rename(session, source, target))

    async def _rename(self, session: Session, source: bytes, target: bytes) -> None:
        for each in (source, target):
            await self._root.entered(session, each.rpartition(b"/")[0])
        session.folders.clear()
        await renamed(session, self._root, source, target)

    def free_bytes(self) -> int | None:
        """See `WritableStore`: what statvfs@openssh.com says."""
        return self._link.ask(partial(answers.free_bytes, root=self._root.path))

    def refused(self, path: bytes) -> str | None:
        """See `WritableStore`."""
        return refused(self._root.path, path)

    def close(self) -> None:
        """See `WritableStore`."""
        self._link.close()

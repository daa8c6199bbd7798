"""Where things lie on the server: names that a store can hold, folders that no link leads to."""

from checks.names import show
from checks.ports import Kind, NotFoundError, StoreError, UnavailableError
from preserve.stores.identity import NO_IDENTITY, OURS
from preserve.stores.sftp import wire
from preserve.stores.sftp.answers import demanded, not_done, problem
from preserve.stores.sftp.session import Session

_MOST_NAME_BYTES, _MOST_PATH_BYTES = 255, 4096
_MOST_FOLDERS = 100_000  # remembered


class Root:
    """The replica's folder on the server, and how a path below it is called there.

    A link is never followed below it: each folder on the way is looked at (LSTAT) before anything in it is touched, and
    remembered until `identity` is asked or the connection ends. Version 3 names files by their whole path, so whoever
    puts a link in a folder's place between that look and the next request is followed once; only the server can hinder
    that, by giving nobody else write access.
    """

    def __init__(self, path: bytes) -> None:
        self.path = path.rstrip(b"/") or (b"/" if path else b".")

    def full(self, path: bytes) -> bytes:
        """What the server is asked for. StoreError for what is no path below the root."""
        if not path:
            return self.path
        why = refused(self.path, path)
        if why is not None:
            raise StoreError(f"{show(path)}: {why}", cause="EINVAL")
        return (self.path if self.path != b"/" else b"") + b"/" + path

    async def entered(self, session: Session, folder: bytes, *, make: bool = False, begins: bool = False) -> None:
        """Sees that every part of a folder is one.

        Args:
            make: makes those that are missing, but for the folder of a replica's identity: where that is not, the disk
                is not, and what is written there would lie beneath the disk when it is back.
            begins: makes that one as well.

        Raises:
            NotFoundError: one is missing, or a link or file stands there.
            UnavailableError: the replica is not there.
        """
        if not folder or folder in session.folders:
            return
        parts = folder.split(b"/")
        above = [b"/".join(parts[: n + 1]) for n in range(len(parts))]
        unseen = [each for each in above if each not in session.folders]
        looks = [(each, session.asked(wire.LSTAT, wire.text(self.full(each)))) for each in unseen]
        for each, look in looks:
            answer = await look
            if answer[0] != wire.ATTRS and make and isinstance(problem(each, *answer), NotFoundError):
                if each == OURS and not begins:
                    raise UnavailableError(f"{show(self.path)}: {NO_IDENTITY}", cause=NO_IDENTITY)
                await self._make(session, each)
                continue
            if answer[0] != wire.ATTRS:
                await self.refuse(session, problem(each, *answer))
            if wire.attributes_of(answer[1]).kind is not Kind.DIRECTORY:
                raise NotFoundError(f"{show(each)}: no such folder", cause="ENOTDIR")
        if len(session.folders) > _MOST_FOLDERS:
            session.folders.clear()
        session.folders.update(unseen)

    async def _make(self, session: Session, folder: bytes) -> None:
        full = wire.text(self.full(folder))
        answer = await session.ask(wire.MKDIR, wire.making(self.full(folder)))
        look = await session.ask(wire.LSTAT, full)
        if look[0] == wire.ATTRS and wire.attributes_of(look[1]).kind is Kind.DIRECTORY:
            await flushed(session, self.full(folder.rpartition(b"/")[0]))
            return  # another may have made it just now
        if answer[0] == wire.STATUS and wire.status_of(answer[1])[0] == wire.OK:
            raise not_done(folder)
        await self.refuse(session, problem(folder, *answer))

    async def refuse(self, session: Session, error: StoreError) -> None:
        """Raises it; but where nothing was found because the root itself is gone, UnavailableError."""
        if isinstance(error, NotFoundError):
            kind, body = await session.ask(wire.STAT, wire.text(self.path))
            if kind != wire.ATTRS or wire.attributes_of(body).kind is not Kind.DIRECTORY:
                why = "the folder is not there"
                raise UnavailableError(f"{show(self.path)}: {why}", cause=why) from error
        raise error


def refused(root: bytes, path: bytes) -> str | None:
    """Why there can be no file of that name, for people; None if there can."""
    parts = path.split(b"/")
    if b"\0" in path:
        return "a name with a NUL in it"
    if any(part in (b"", b".", b"..") for part in parts):
        return "not a path below the root"
    if any(len(part) > _MOST_NAME_BYTES for part in parts):
        return f"a name of more than {_MOST_NAME_BYTES} bytes"
    if len(root) + 1 + len(path) >= _MOST_PATH_BYTES:
        return f"a path of more than {_MOST_PATH_BYTES} bytes"
    return None


async def flushed(session: Session, folder: bytes) -> None:
    """Has a folder's names written to the medium, where the server can do that.

    OpenSSH's opens a folder like a file and flushes it; a server or file system that refuses has said no more than that
    it does not do this, and nothing can be made of it.
    """
    if wire.FSYNC not in session.extensions:
        return
    kind, body = await session.ask(wire.OPEN, wire.opening(folder, wire.READING))
    if kind != wire.HANDLE:
        return
    handle = wire.handle_of(body)
    fsync = session.asked(wire.EXTENDED, wire.extended(wire.FSYNC, handle))
    await session.ask(wire.CLOSE, handle)
    await fsync


async def looked_at(session: Session, root: Root, path: bytes) -> wire.Attributes:
    """What stands there, a link as such; NotFoundError if nothing does."""
    await root.entered(session, path.rpartition(b"/")[0])
    look = wire.STAT if not path else wire.LSTAT  # the root itself may be reached by a link
    answer = await session.ask(look, wire.text(root.full(path)))
    if answer[0] != wire.ATTRS:
        await root.refuse(session, problem(path, *answer))
    return wire.attributes_of(demanded(path, answer, wire.ATTRS))

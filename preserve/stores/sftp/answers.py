"""What a server's refusals mean, in the words of `checks.ports`."""

from checks.names import show
from checks.ports import NotFoundError, StoreError
from preserve.stores.port import FullError
from preserve.stores.sftp import wire
from preserve.stores.sftp.session import Session

_CAUSES = {
    wire.PERMISSION_DENIED: "EACCES",
    wire.FAILURE: "SSH_FX_FAILURE",
    wire.BAD_MESSAGE: "SSH_FX_BAD_MESSAGE",
    wire.OP_UNSUPPORTED: "SSH_FX_OP_UNSUPPORTED",
    6: "ECONNRESET",  # SSH_FX_NO_CONNECTION and SSH_FX_CONNECTION_LOST: of a server behind the server
    7: "ECONNRESET",
}


def problem(path: bytes, kind: int, body: memoryview) -> StoreError:
    """The error for an answer that was not the one hoped for."""
    if kind != wire.STATUS:
        return StoreError(f"{show(path)}: the server gave an answer of another kind", cause="EPROTO")
    code, words = wire.status_of(body)
    words = shown(words) or "refused"
    if code == wire.NO_SUCH_FILE:
        return NotFoundError(f"{show(path)}: {words}", cause="ENOENT")
    return StoreError(f"{show(path)}: {words}", cause=_CAUSES.get(code, f"SSH_FX_{code}"))


def shown(words: str) -> str:
    """What a server said, for people: nothing of it moves a cursor, and it is not long."""
    return show(words[: wire.MOST_WORDS].encode("utf-8", "replace"))[: wire.MOST_WORDS]


def not_done(path: bytes) -> StoreError:
    """For a server that says of what was asked that it is done, where a look shows that it is not."""
    why = "the server said that it was done, and it is not"
    return StoreError(f"{show(path)}: {why}", cause=why)


async def gone(session: Session, path: bytes, full: bytes) -> None:
    """Sees that nothing stands there any more; `full` is what the server is asked for."""
    kind, body = await session.ask(wire.LSTAT, wire.text(full))
    if kind == wire.ATTRS:
        raise not_done(path)
    if not isinstance(error := problem(path, kind, body), NotFoundError):
        raise error


def demanded(path: bytes, answer: tuple[int, memoryview], kind: int) -> memoryview:
    """The body of an answer of this kind (STATUS: of one that says yes), or its error."""
    if answer[0] != kind or (kind == wire.STATUS and wire.status_of(answer[1])[0] != wire.OK):
        raise problem(path, *answer)
    return answer[1]


async def full_or(session: Session, root: bytes, error: StoreError, needed_bytes: int) -> StoreError:
    """FullError instead of a refusal without reason, where the server says that there is no room left.

    Version 3 has no word for a full disk; a quota cannot be told from any other refusal.
    """
    if error.cause != "SSH_FX_FAILURE":
        return error
    free = await free_bytes(session, root)
    if free is None or free > needed_bytes:
        return error
    return FullError(f"{error}: there is no room left", cause="ENOSPC")


async def free_bytes(session: Session, root: bytes) -> int | None:
    """What is left for us; None where the server does not say (statvfs@openssh.com)."""
    if wire.STATVFS not in session.extensions:
        return None
    kind, body = await session.ask(wire.EXTENDED, wire.extended(wire.STATVFS, wire.text(root)))
    if kind != wire.EXTENDED_REPLY:
        return None
    block, fragment, _, _, available = wire.numbers_of(body, 5)
    return available * (fragment or block)

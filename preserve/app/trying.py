"""Whether a place elsewhere will do as a replica: a small file is written there, read back and taken away again."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256

from checks.ports import Kind, NotFoundError, StoreError, UnavailableError
from config import S3Address
from preserve.app.why_unfit import remedy_for
from preserve.errors import UsageError
from preserve.stores.identity import OURS
from preserve.stores.port import ExistsError, ReplicaStore
from preserve.stores.providers import refusing_of
from preserve.stores.rooms.trials import clear_left
from preserve.stores.rooms.writing import content_of
from preserve.stores.trial_names import trial_name

_MOST_BYTES = 4096  # more than the trial has


def refuse_unfit(store: ReplicaStore, address: object) -> list[tuple[str, str]]:
    """Looks and tries there.

    Returns:
        (what is not as it should be, what to do) of a place that will do all the same.

    Raises:
        UsageError: it cannot be reached, is a bag or in one of our folders, or a right is missing; says which.
    """
    rights = _S3_RIGHTS if isinstance(address, S3Address) else _RIGHTS
    with _needs(store, address, "listed", rights["list"]):
        _refuse_other_uses(store)
    clear_left(store)
    path = OURS + b"/" + trial_name()
    content = b"preserve tries whether it can write here, and takes this away again. " + secrets.token_bytes(32)
    with _needs(store, address, "written to", rights["write"]):
        _write(store, path, content)
    try:
        with _needs(store, address, "read", rights["read"]):
            held = content_of(store, path, _MOST_BYTES)
        if held != content:
            raise UsageError(
                f"{store.where} gave back other bytes than were written there",
                remedy="Nothing can be kept there. Look at the server, or choose another place.",
            )
        with _needs(store, address, "written to", rights["write"]):
            _refuse_overwriting(store, path, content)
            warnings = _warnings(store, address, path, content)
    except BaseException:  # Ctrl-C too leaves nothing there
        with suppress(StoreError):
            store.remove(path)
        raise
    with _needs(store, address, f"cleared of the file {path.decode()}", rights["delete"]):
        store.remove(path)
    return warnings


_RIGHTS = {
    "list": "to list that folder",
    "write": "to write into that folder, and to make folders in it",
    "read": "to read the files in that folder",
    "delete": "to delete files in that folder",
}
_S3_RIGHTS = {
    "list": "s3:ListBucket on the bucket",
    "write": "s3:PutObject on what is in it",
    "read": "s3:GetObject on what is in it",
    "delete": "s3:DeleteObject on what is in it (s3:DeleteObjectVersion is not needed)",
}


@contextmanager
def _needs(store: ReplicaStore, address: object, done: str, right: str) -> Iterator[None]:
    try:
        yield
    except UnavailableError as error:
        raise UsageError(
            f"{store.where} cannot be {done}: {error.cause or error}",
            remedy=_advice_of(error)
            or remedy_for(error.cause or str(error), address, right)
            or "Look at the address and at what `secret`, `profile` or `key` name. If those are right, "
            f"whoever keeps that place has to give the right {right}; see docs/replicas.md.",
        ) from error
    except StoreError as error:
        why = error.cause or str(error)
        raise UsageError(
            f"{store.where} cannot be {done}: {why}",
            remedy=remedy_for(why, address, right)
            or f"Whoever keeps that place has to give the right {right}; see docs/replicas.md.",
        ) from error


def _advice_of(error: UnavailableError) -> str:
    """What is said of it behind its cause, such as how to come to know a host's key."""
    return str(error).partition(error.cause)[2].strip(" .") if error.cause else ""


def _refuse_other_uses(store: ReplicaStore) -> None:
    """A bucket has no folders: where nothing is, nothing is there."""
    with suppress(NotFoundError):
        store.stat(b"bagit.txt")
        raise UsageError(f"{store.where} is a bag", remedy="Choose a prefix or folder that is kept for copies alone.")
    with suppress(NotFoundError):
        for name, kind, _ in store.names_in(b""):
            if name == OURS and kind is not Kind.DIRECTORY:
                raise UsageError(
                    f"{store.where} has a file where a folder of ours would be", remedy="Choose another place."
                )
    above = store.where.split("://", 1)[-1].split(" at ")[0].split("/")
    if OURS.decode() in above:
        raise UsageError(f"{store.where} lies in a folder of ours", remedy="Choose another place.")


def _write(store: ReplicaStore, path: bytes, content: bytes) -> None:
    with store.create(path, size_bytes=len(content), sha256=sha256(content).digest()) as sink:
        sink(memoryview(content))


def _refuse_overwriting(store: ReplicaStore, path: bytes, content: bytes) -> None:
    """Everything rests on it that no file is written over: what stands there has to be seen, or kept by the server."""
    try:
        _write(store, path, content)
    except ExistsError:
        return
    raise UsageError(
        f"{store.where} writes over a file that is there, although it was asked not to",
        remedy="Its server does not tell what it holds, nor does it know conditional writes (If-None-Match). Choose "
        "another, or a newer one.",
    )


def _warnings(store: ReplicaStore, address: object, path: bytes, content: bytes) -> list[tuple[str, str]]:
    """Whoever looks first and writes then sees nothing of another who does so at the same moment: a server can."""
    refusing = refusing_of(store)
    if refusing is None or refusing.refuses_overwriting(path, content):
        return []
    asked = "it does not keep to If-None-Match" if isinstance(address, S3Address) else "it renames over what is there"
    return [
        (
            f"the server of {store.where} does not keep one program from writing over what another writes there at "
            f"the same moment: {asked}",
            "`preserve` looks before it writes, so one machine alone is safe: let no second one write there. See "
            "docs/replicas.md.",
        )
    ]

"""Whether a place that is to be a replica lies in another one, or holds one: by the identities above and below it."""

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import islice

from checks.names import show
from checks.ports import Kind, NotFoundError, StoreError, WrongKindError
from config import FolderAddress, Replica, S3Address
from preserve.errors import UsageError
from preserve.stores.identity import IDENTITY_FILE, LIMIT_BYTES, OURS, Identity, identity_from
from preserve.stores.port import ReplicaStore
from preserve.stores.rooms.writing import content_of

_MOST_ABOVE = 16  # levels; each is a connection of its own to a server
_MOST_BELOW = 300  # folders of the root; each is a question of its own to a bucket

_REMEDY = "Two copies in one place are lost together; choose another place."


def refuse_nested(
    replica: Replica,
    store: ReplicaStore,
    own: str,
    known: Collection[str],
    open_replica: Callable[[Replica], ReplicaStore],
) -> None:
    """UsageError if another replica's identity stands in a folder above a place, or a known one's right below it.

    However the place is reached: a server's folder may be a folder here, a bucket may have two names. What cannot be
    looked at, for want of a right, says nothing.

    Args:
        store: the place's own.
        own: the UUID that stands there or is going to.
        known: UUIDs of the catalog's replicas.
        open_replica: how a folder above is opened.
    """
    for above in _above(replica):
        with closing(open_replica(above)) as upper:
            found = _identity(upper, b"")
        if found is not None and found.uuid != own:
            raise UsageError(
                f"{replica.address.where} lies in {above.address.where}, which is a replica, {found.name}",
                remedy=_REMEDY,
            )
    for folder in _first_folders(store):
        found = _identity(store, folder + b"/")
        if found is not None and found.uuid in known and found.uuid != own:
            raise UsageError(
                f"{replica.address.where} holds {show(folder)}, which is the replica {found.name}", remedy=_REMEDY
            )


def stands_in_another(store: ReplicaStore, folder: bytes) -> bool:
    """Whether an identity stands in a folder of a replica, which is another replica then.

    Raises:
        StoreError: it cannot be looked at.
    """
    try:
        store.stat(folder + b"/" + IDENTITY_FILE)
    except (NotFoundError, WrongKindError):
        return False
    return True


def _above(replica: Replica) -> Iterator[Replica]:
    """The folders above a place as replicas, the nearest first. A whole bucket and `/` have none."""
    address = replica.address
    path = address.prefix if isinstance(address, S3Address) else _path(address)
    for _ in range(_MOST_ABOVE):
        if not path.strip(b"/"):
            return
        path = path.rpartition(b"/")[0]
        if isinstance(address, S3Address):
            yield replace(replica, address=replace(address, prefix=path))
        elif isinstance(address, FolderAddress):
            yield replace(replica, address=replace(address, root=path or b"/"))
        else:
            yield replace(replica, address=replace(address, path=path or b"/"))


def _path(address: object) -> bytes:
    return (
        os.path.realpath(address.root) if isinstance(address, FolderAddress) else bytes(getattr(address, "path", b""))
    )


def _first_folders(store: ReplicaStore) -> list[bytes]:
    try:
        folders = (name.rstrip(b"/") for name, kind, _ in store.names_in(b"") if kind is Kind.DIRECTORY)
        return [name for name in islice(folders, _MOST_BELOW) if name != OURS]
    except StoreError:
        return []


def _identity(store: ReplicaStore, folder: bytes) -> Identity | None:
    """The identity in a folder; None if none can be seen there. One that cannot be read is one all the same."""
    path = folder + IDENTITY_FILE
    try:
        store.stat(path)
    except StoreError:
        return None
    try:
        return identity_from(content_of(store, path, LIMIT_BYTES), path)
    except StoreError:
        return Identity(uuid="", name="whose identity cannot be read")

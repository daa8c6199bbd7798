"""The store of a replica that is a folder: where the settings say, or where a disk that is carried by hand is now."""

from checks.names import show
from config import Replica
from preserve.stores.finding_disks import find_disk
from preserve.stores.local_replica import LocalReplica


def store_of(configured: Replica, uuid: str) -> LocalReplica:
    """Of a replica with `offline = true`, the store where its identity is mounted now.

    Where that is nowhere, the store of its own folder. Where several disks have it, one whose `identity` refuses.
    """
    if not configured.offline:
        return LocalReplica(configured.root)
    seen = find_disk(configured.root, uuid)
    store = LocalReplica(seen.root or configured.root)
    store.unusable = seen.problem
    return store


def found_at(configured: Replica | None, store: object) -> str:
    """Where a disk was found, if that is not where the settings say; for people."""
    root = getattr(store, "root", None)
    if configured is None or configured.folder is None or not isinstance(root, bytes) or root == configured.folder:
        return ""
    return show(root)

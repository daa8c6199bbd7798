"""From the settings of a replica to the store that works with it. Opening connects to nothing and reads no secret.

Where what speaks to a place is not installed, its store is one that is away: it keeps nobody from the other replicas.
"""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import TypeVar

from config import FolderAddress, Replica, S3Address, SecretSource, SftpAddress
from preserve.stores.not_installed import BucketNotInstalled, NotInstalled
from preserve.stores.port import ReplicaStore, WritableStore
from preserve.stores.secrets import read_pair, read_password

_Read = TypeVar("_Read")


def open_replica(replica: Replica) -> ReplicaStore:
    """The store of a replica; it connects when it is first asked for something."""
    address = replica.address
    if isinstance(address, FolderAddress):
        from preserve.stores.local_replica import LocalReplica

        return LocalReplica(address.root)
    from preserve.stores.rooms.replica import RemoteReplica

    extra = missing_for(replica)
    if isinstance(address, S3Address):
        return RemoteReplica(BucketNotInstalled(address.where, extra) if extra else _bucket(address, replica))
    return RemoteReplica(NotInstalled(address.where, extra) if extra else _server(address, replica))


def missing_for(replica: Replica) -> str:
    """The extra of this package that has to be installed before anybody can speak to the replica; empty if none."""
    kinds: dict[type, tuple[str, str]] = {S3Address: ("boto3", "s3"), SftpAddress: ("asyncssh", "sftp")}
    package, extra = kinds.get(type(replica.address), ("", ""))
    return extra if package and find_spec(package) is None else ""


def _bucket(address: S3Address, replica: Replica) -> WritableStore:
    from preserve.stores.s3 import S3Store

    return S3Store(
        address.bucket,
        address.prefix,
        endpoint=address.endpoint,
        region=address.region,
        profile=address.profile,
        path_style=address.path_style,
        storage_class=address.storage_class,
        credentials=_when_asked(read_pair, replica.secret),
        where=address.where,
    )


def _server(address: SftpAddress, replica: Replica) -> WritableStore:
    from preserve.stores.sftp.store import SftpStore

    return SftpStore(
        address.host,
        address.port,
        address.user,
        address.path,
        known_hosts=address.known_hosts,
        key=address.key,
        secret=_when_asked(read_password, replica.secret) or _none,
        where=address.where,
    )


def _when_asked(read: Callable[[SecretSource], _Read], source: SecretSource | None) -> Callable[[], _Read] | None:
    """Read as the store connects: one that is not there keeps nobody from the other replicas."""
    return None if source is None else partial(read, source)


def _none() -> None:
    return None

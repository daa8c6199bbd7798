"""From the settings of a replica to the store that works with it. Opening connects to nothing and reads no secret."""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import TypeVar

from config import FolderAddress, Replica, S3Address, SecretSource, SftpAddress
from preserve.errors import UsageError
from preserve.stores.port import ReplicaStore
from preserve.stores.secrets import read_pair, read_password

_Read = TypeVar("_Read")


def open_replica(replica: Replica) -> ReplicaStore:
    """The store of a replica; it connects when it is first asked for something.

    Raises:
        UsageError: what speaks to such places is not installed.
    """
    address = replica.address
    if isinstance(address, FolderAddress):
        from preserve.stores.local_replica import LocalReplica

        return LocalReplica(address.root)
    return _bucket(address, replica) if isinstance(address, S3Address) else _server(address, replica)


def _bucket(address: S3Address, replica: Replica) -> ReplicaStore:
    _need("boto3", "s3", replica)
    from preserve.stores.rooms.replica import RemoteReplica
    from preserve.stores.s3 import S3Store

    return RemoteReplica(
        S3Store(
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
    )


def _server(address: SftpAddress, replica: Replica) -> ReplicaStore:
    _need("asyncssh", "sftp", replica)
    from preserve.stores.rooms.replica import RemoteReplica
    from preserve.stores.sftp.store import SftpStore

    return RemoteReplica(
        SftpStore(
            address.host,
            address.port,
            address.user,
            address.path,
            known_hosts=address.known_hosts,
            key=address.key,
            secret=_when_asked(read_password, replica.secret) or _none,
            where=address.where,
        )
    )


def _when_asked(read: Callable[[SecretSource], _Read], source: SecretSource | None) -> Callable[[], _Read] | None:
    """Read as the store connects: one that is not there keeps nobody from the other replicas."""
    return None if source is None else partial(read, source)


def _none() -> None:
    return None


def _need(package: str, extra: str, replica: Replica) -> None:
    if find_spec(package) is None:
        raise UsageError(
            f"what speaks to the replica {replica.name}, at {replica.address.where}, is not installed",
            remedy=f"pip install 'preserve-toolkit[{extra}]'",
        )

"""The stores to which the contract applies, each over something real; see `preserve.stores.port`."""

import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from preserve.stores.identity import OURS
from preserve.stores.local_replica import LocalReplica
from preserve.stores.memory import MemoryBucket, MemoryDisk
from preserve.stores.port import WritableStore
from tests.support.killed_stores import REPLICA
from tests.support.s3_servers import CREDENTIALS, Server, rclone_s3, weed  # noqa: F401 - fixtures
from tests.support.sftp_server import SftpServer, sftp_server

IDENTITY = b'{"format": "preserve-replica/1", "replica": "%b", "name": "abroad"}' % REPLICA.encode()
WRITABLE = ("local", "disk in memory", "bucket in memory", "s3", "sftp")
_numbers = itertools.count()


@dataclass
class Placed:
    """A store over an empty replica, and a way to its files behind its back."""

    kind: str
    store: WritableStore
    lay: Callable[[bytes, bytes], None]
    folders: bool  # whether there are folders to be made, renamed and taken away


@pytest.fixture(scope="session")
def sftp_running() -> Iterator[SftpServer]:
    with sftp_server() as server:
        yield server


@pytest.fixture(scope="session")
def weed_bucket(weed: Server) -> tuple[Server, str]:  # noqa: F811 - the fixture
    """One for all: SeaweedFS sets room aside for each."""
    return weed, weed.bucket("contract")


def _in_folder(root: Path) -> Callable[[bytes, bytes], None]:
    def lay(path: bytes, content: bytes) -> None:
        full = os.path.join(bytes(root), path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as file:
            file.write(content)

    return lay


def _local(request: pytest.FixtureRequest) -> Placed:
    root = request.getfixturevalue("tmp_path") / "replica"
    root.mkdir()
    return Placed("local", LocalReplica(bytes(root)), _in_folder(root), True)


def _disk(request: pytest.FixtureRequest) -> Placed:
    store = MemoryDisk()
    return Placed("disk in memory", store, store.lay, True)


def _bucket(request: pytest.FixtureRequest) -> Placed:
    store = MemoryBucket()
    return Placed("bucket in memory", store, store.lay, False)


def _s3(request: pytest.FixtureRequest) -> Placed:
    from preserve.stores.s3 import S3Store

    server, bucket = request.getfixturevalue("weed_bucket")
    prefix = b"kept/here-%d" % next(_numbers)
    store = S3Store(bucket, prefix, endpoint=server.endpoint, region="us-east-1", credentials=CREDENTIALS)
    client = server.client()

    def lay(path: bytes, content: bytes) -> None:
        client.put_object(Bucket=bucket, Key=(prefix + b"/" + path).decode(), Body=content)

    return Placed("s3", store, lay, False)


def _rclone(request: pytest.FixtureRequest) -> Placed:
    from preserve.stores.s3 import S3Store

    folder = request.getfixturevalue("tmp_path") / "served"
    server = request.getfixturevalue("rclone_s3")(folder)
    server.bucket("replicas")
    root = folder / "replicas" / "here"
    root.mkdir()
    store = S3Store("replicas", b"here", endpoint=server.endpoint, region="us-east-1", credentials=CREDENTIALS)
    return Placed("s3 by rclone", store, _in_folder(root), False)


def _sftp(request: pytest.FixtureRequest) -> Placed:
    server = request.getfixturevalue("sftp_running")
    root = server.root / f"contract-{next(_numbers)}"
    root.mkdir()
    return Placed("sftp", server.store(path=bytes(root)), _in_folder(root), True)


_PLACES = {
    "local": _local,
    "disk in memory": _disk,
    "bucket in memory": _bucket,
    "s3": _s3,
    "s3 by rclone": _rclone,
    "sftp": _sftp,
}


def _placed(request: pytest.FixtureRequest) -> Iterator[Placed]:
    placed = _PLACES[request.param](request)
    placed.lay(OURS + b"/identity.json", IDENTITY)
    yield placed
    placed.store.close()


placed = pytest.fixture(_placed, params=WRITABLE, name="placed")
readable = pytest.fixture(_placed, params=list(_PLACES), name="readable")

"""Where a disk is not, its mount point is left empty: what is written there would lie beneath the disk later."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from checks.ports import StoreError, UnavailableError
from preserve.errors import PreserveError
from preserve.stores.local_replica import LocalReplica
from preserve.stores.port import ReplicaStore
from preserve.stores.rooms.replica import RemoteReplica
from tests.contract.conftest import IDENTITY
from tests.contract.test_rooms import described, put
from tests.support.killed_stores import AT, CATALOG
from tests.support.sftp_server import SftpServer

Act = Callable[[ReplicaStore, Path], object]


def stage(replica: ReplicaStore, folder: Path) -> None:
    staging = replica.staging(b"box", b"box")
    with staging.held():
        put(staging, b"data/page", b"1975")


def hold(replica: ReplicaStore, folder: Path) -> None:
    with replica.quarantine().held():
        pass


def set_aside(replica: ReplicaStore, folder: Path) -> None:
    replica.quarantine().begin({}, AT)


def leave_head(replica: ReplicaStore, folder: Path) -> None:
    replica.heads(CATALOG).append(1, bytes(32), AT)


def back_up(replica: ReplicaStore, folder: Path) -> None:
    content = b"a catalog" * 1_000
    (folder / "catalog").write_bytes(content)
    replica.backups(CATALOG).place(bytes(folder / "catalog"), described(CATALOG, 1, content))


def lay_canaries(replica: ReplicaStore, folder: Path) -> None:
    replica.canaries().ensure(AT)


@pytest.fixture(params=["local", "sftp"])
def mount_point(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[ReplicaStore, Path]:
    """Where a replica is mounted and then is not: its store has seen it there."""
    if request.param == "local":
        root = tmp_path / "mount"
        root.mkdir()
        replica: ReplicaStore = LocalReplica(bytes(root))
    else:
        server: SftpServer = request.getfixturevalue("sftp_running")
        root = server.root.parent / tmp_path.name
        root.mkdir()
        replica = RemoteReplica(server.store(path=bytes(root)))
    (root / ".preserve").mkdir()
    (root / ".preserve" / "identity.json").write_bytes(IDENTITY)
    replica.identity()
    return replica, root


@pytest.mark.parametrize("act", [stage, hold, set_aside, leave_head, back_up, lay_canaries])
def test_nothing_is_written_where_a_disk_is_not(
    mount_point: tuple[ReplicaStore, Path], act: Act, tmp_path: Path
) -> None:
    replica, root = mount_point
    act(replica, tmp_path)  # all of it works while it is there
    shutil.rmtree(root)
    root.mkdir()
    with pytest.raises(UnavailableError):
        replica.identity()
    with pytest.raises((PreserveError, StoreError)):
        act(replica, tmp_path)
    assert list(root.iterdir()) == []

"""Deleting a copy far away that was killed: what is left of it goes, and never what came into its place since."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from preserve.catalog.rows import CopyRow
from preserve.errors import UsageError
from preserve.progress import Silent
from preserve.repair.deleting_afar import delete_afar
from preserve.stores.rooms.replica import RemoteReplica
from tests.support.killed_stores import KINDS, Clock, Killed, Memory, Process, new_store

PACKAGE, ANOTHER = UUID(int=7), UUID(int=8)
NAME = f"{PACKAGE}-v1".encode()
NOTE = b".preserve/removed/" + NAME
COPY = CopyRow(
    id=1, package_id=1, inventory_id=1, replica_id=1, replica="abroad", package="box", location=b"box",
    recorded_at=datetime(2026, 1, 1, tzinfo=UTC), version=1, current=True, shards=1, shards_read=1, oldest_read_at=None,
    damage=0, undetermined=0, warnings=0,
)  # fmt: skip


def lay(store: Memory, package: UUID) -> None:
    files = {
        b"bagit.txt": b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
        b"bag-info.txt": f"Package-UUID: {package}\n".encode(),
        b"data/page": str(package).encode(),
    }
    for name, content in files.items():
        store.lay(b"box/" + name, content)


def delete(replica: RemoteReplica) -> bool:
    staging = replica.staging(NAME, COPY.location)
    with replica.quarantine().held(), staging.held():
        return delete_afar(replica, staging, PACKAGE, COPY, lambda path: None, Silent())


def killed_at(store: Memory, what: str, path: bytes) -> None:
    def hook(asked: str, of: bytes) -> None:
        if (asked, of) == (what, path):
            store.hook = lambda asked, of: None
            raise Killed

    store.hook = hook
    with pytest.raises(Killed):
        delete(Process(store, Clock()).replica)
    assert NOTE in store.files


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", [b"box/bagit.txt", b"box/data/page"])
def test_the_next_run_ends_what_was_begun(kind: type[Memory], path: bytes) -> None:
    store = new_store(kind)
    lay(store, PACKAGE)
    killed_at(store, "remove", path)
    assert delete(Process(store, Clock()).replica)
    assert not [left for left in store.files if left.startswith(b"box/")] and NOTE not in store.files


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", [b"box/bagit.txt", b"box/data/page"])
def test_another_package_that_came_into_its_place_is_left(kind: type[Memory], path: bytes) -> None:
    store = new_store(kind)
    lay(store, PACKAGE)
    killed_at(store, "remove", path)
    lay(store, ANOTHER)
    before = {path: content for path, content in store.files.items() if path.startswith(b"box/")}
    with pytest.raises(UsageError, match="is another package"):
        delete(Process(store, Clock()).replica)
    assert {path: content for path, content in store.files.items() if path.startswith(b"box/")} == before

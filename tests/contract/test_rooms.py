"""The rooms of ours over every store that can be written to, as the services use them."""

from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import cast
from uuid import UUID

import pytest

from checks.canaries import CANARIES
from checks.ports import StoreError, UnavailableError
from preserve.errors import UndeterminedError, UsageError
from preserve.stores.backups import Described
from preserve.stores.capabilities import Resuming
from preserve.stores.identity import Identity
from preserve.stores.port import Claiming, ReplicaStore, Staging
from preserve.stores.rooms.replica import RemoteReplica
from tests.contract.conftest import Placed
from tests.contract.test_reading import read
from tests.contract.test_writing import BIG, write
from tests.support.killed_stores import AT, CATALOG, REPLICA

GOOD, BAD = b"as it was taken in", b"as the disk has it"


@pytest.fixture
def replica(placed: Placed) -> Iterator[ReplicaStore]:
    yield RemoteReplica(placed.store)


def put(staging: Staging, path: bytes, content: bytes, promised: bytes | None = None) -> None:
    wanted = content if promised is None else promised
    with staging.file(path, size_bytes=len(wanted), sha256=sha256(wanted).digest()) as sink:
        sink(memoryview(content))


def test_capabilities_are_named_by_what_lies_beneath(placed: Placed) -> None:
    far, beneath = RemoteReplica(placed.store), cast(object, placed.store)  # whatever it may be able to do besides
    assert (far.claiming is beneath) is isinstance(beneath, Claiming)
    assert (far.versioned is None) is (far.thawing is None) is (placed.kind != "s3")
    assert not isinstance(far, Claiming)


def test_an_identity_is_read_and_never_written_over(replica: ReplicaStore, placed: Placed) -> None:
    mine = Identity(uuid=REPLICA, name="abroad")
    assert replica.read_identity() == mine
    replica.write_identity(mine, AT)
    with pytest.raises(UsageError, match="another replica"):
        replica.write_identity(Identity(uuid=str(CATALOG), name="other"), AT)
    placed.store.remove(b".preserve/identity.json")
    with pytest.raises(UnavailableError):
        replica.read_identity()
    replica.write_identity(Identity(uuid=str(CATALOG), name="other"), AT)
    assert replica.identity() == replica.read_identity().uuid == str(CATALOG)


# ---- staging -----------------------------------------------------------------------------------------------------


def test_a_copy_is_none_before_it_is_published(replica: ReplicaStore, placed: Placed) -> None:
    staging = replica.staging(b"package-v1", b"box")
    with staging.held():
        assert staging.size_of(b"data/page") is None
        put(staging, b"data/page", GOOD)
        put(staging, b"data/empty", b"")
        assert (staging.size_of(b"data/page"), staging.size_of(b"data/empty")) == (len(GOOD), 0)
        assert read(placed, staging.location + b"/data/page") == GOOD
        assert staging.begun() is (staging.location == b"box")
        staging.flush()
        staging.publish(b"box")
        assert not staging.begun()
    assert sorted(one.path for one in replica.listing(b"box")) == [b"data/empty", b"data/page"]
    assert [name for name, _, _ in placed.store.names_in(b"")] == [b".preserve/", b"box/"]
    assert sorted(one.path for one in replica.listing(b".preserve")) == [b"identity.json"]


def test_what_an_earlier_run_staged_is_known_and_what_is_bad_of_it_goes(replica: ReplicaStore, placed: Placed) -> None:
    first = replica.staging(b"package-v1", b"box")
    with first.held():
        put(first, b"data/page", GOOD)
        put(first, b"data/bad", BAD)
    second = replica.staging(b"package-v1", b"box")
    with second.held():
        assert second.size_of(b"data/page") == len(GOOD)
        second.discard(b"data/bad")
        assert second.size_of(b"data/bad") is None
        put(second, b"data/page", GOOD + b"!")
        assert read(placed, second.location + b"/data/page") == GOOD + b"!"
        assert sorted(second.empty()) == [b"data/page"]
        assert not second.begun()
    assert sorted(one.path for one in replica.listing(b"")) == [b".preserve/identity.json"]


def test_bytes_that_are_not_those_promised_do_not_stand(replica: ReplicaStore) -> None:
    staging = replica.staging(b"package-v1", b"box")
    with staging.held():
        for content in (BAD, GOOD[:3], GOOD + b"more", b""):
            put(staging, b"data/page", content, promised=GOOD)
            assert staging.size_of(b"data/page") is None
        put(staging, b"data/page", GOOD)
        assert staging.size_of(b"data/page") == len(GOOD)
        list(staging.empty())


def test_a_source_that_breaks_off_leaves_nothing_and_is_told_as_it_is(replica: ReplicaStore) -> None:
    staging = replica.staging(b"package-v1", b"box")
    with staging.held():
        with pytest.raises(StoreError, match="the source"), staging.file(b"data/page", size_bytes=9) as sink:
            sink(memoryview(b"half"))
            raise StoreError("the source is gone", cause="EIO")
        assert staging.size_of(b"data/page") is None
        put(staging, b"data/page", GOOD)
        list(staging.empty())


def test_nothing_is_written_where_other_things_lie(replica: ReplicaStore, placed: Placed) -> None:
    write(placed, b"box/data/page", b"somebody's")
    staging = replica.staging(b"package-v1", b"box")
    with staging.held():
        if staging.location == b"box":
            with pytest.raises(UsageError, match="something is there already"):
                put(staging, b"data/other", GOOD)
            with pytest.raises(UsageError):
                staging.discard(b"data/page")
        else:
            put(staging, b"data/other", GOOD)
            with pytest.raises(UndeterminedError):
                staging.publish(b"box")
        list(staging.empty())
    assert sorted(one.path for one in replica.listing(b"box")) == [b"data/page"]
    assert read(placed, b"box/data/page") == b"somebody's"


def test_two_processes_do_not_write_the_same_copy(placed: Placed) -> None:
    one = RemoteReplica(placed.store).staging(b"package-v1", b"box")
    other = RemoteReplica(placed.store).staging(b"package-v1", b"box")
    with one.held(), pytest.raises(UsageError, match="another `preserve` is writing this copy"), other.held():
        pass
    with other.held():
        pass


def test_a_large_file_that_was_cut_off_is_gone_on_with_and_comes_out_right(
    replica: ReplicaStore, placed: Placed
) -> None:
    content = bytes(range(256)) * (2 * BIG // 256)
    staging = replica.staging(b"package-v1", b"box")
    with staging.held():
        with pytest.raises(StoreError), staging.file(b"data/film", size_bytes=len(content)) as sink:
            sink(memoryview(content)[:-1000])
            raise StoreError("the line is cut", cause="ECONNRESET")
        again = staging.resumable(b"data/film", len(content))
        assert again <= len(content) and (again == 0 or isinstance(placed.store, Resuming))
        put(staging, b"data/film", content)
        assert read(placed, staging.location + b"/data/film", step=1 << 20) == content
        list(staging.empty())


# ---- quarantine --------------------------------------------------------------------------------------------------


def test_good_and_bad_change_places_and_the_entry_can_be_checked(replica: ReplicaStore, placed: Placed) -> None:
    write(placed, b"box/data/page", BAD)
    quarantine = replica.quarantine()
    with quarantine.held():
        entry = quarantine.begin({"package": "box", "name": "ទំព័រ"}, AT)
        assert entry.holds_nothing() and not entry.sealed
        with entry.file(b"content", size_bytes=len(GOOD), sha256=sha256(GOOD).digest()) as sink:
            sink(memoryview(GOOD))
        entry.exchange(b"box/data/page")
        entry.seal(sha256(BAD).hexdigest())
        entry.seal(sha256(BAD).hexdigest())
    assert read(placed, b"box/data/page") == GOOD
    (kept,) = replica.quarantine().entries()
    assert kept.name == entry.name and kept.document() == {"package": "box", "name": "ទំព័រ"}
    assert kept.sealed and read(placed, kept.location + b"/content") == BAD
    assert read(placed, kept.location + b"/manifest-sha256.txt") == sha256(BAD).hexdigest().encode() + b"  content\n"
    kept.discard()
    assert kept.document() is None
    # Some servers name the folders of what was taken away for a while.
    assert all(entry.holds_nothing() for entry in replica.quarantine().entries())


def test_a_file_is_taken_and_given_back(replica: ReplicaStore, placed: Placed) -> None:
    write(placed, b"box/data/page", BAD)
    entry = replica.quarantine().begin({}, AT)
    entry.take(b"box/data/page")
    assert read(placed, entry.location + b"/content") == BAD
    with pytest.raises(StoreError):
        placed.store.stat(b"box/data/page")
    entry.give(b"content", b"box/data/new/folder/page", make=True)
    assert read(placed, b"box/data/new/folder/page") == BAD
    assert not entry.has(b"content")
    write(placed, b"box/data/taken", GOOD)
    entry.write(b"content", BAD)
    with pytest.raises(UndeterminedError):
        entry.give(b"content", b"box/data/taken")
    assert read(placed, b"box/data/taken") == GOOD and entry.has(b"content")


def test_no_part_of_a_file_is_written_over(replica: ReplicaStore) -> None:
    assert not replica.has_one_name(b".preserve/identity.json")
    with pytest.raises(UndeterminedError, match="no part of a file"):
        replica.quarantine().begin({}, AT).overwrite(b".preserve/identity.json", 0, None)


# ---- heads, backups, canaries, trees, names ----------------------------------------------------------------------


def test_heads_are_added_and_read(replica: ReplicaStore, placed: Placed) -> None:
    heads = replica.heads(CATALOG)
    assert heads.read() == ([], [])
    for number in (1, 2, 3):
        heads.append(number, bytes([number]) * 32, AT)
    kept, faults = replica.heads(CATALOG).read()
    assert [(one.number, one.hash, one.at) for one in kept] == [(n, bytes([n]) * 32, AT) for n in (1, 2, 3)]
    assert not faults
    placed.store.append(b".preserve/heads/" + heads.name, b"not a head\n")
    assert heads.read()[1] == ["line 5 is not one that `preserve` wrote"]


def test_backups_are_placed_described_and_pruned(replica: ReplicaStore, placed: Placed, tmp_path: Path) -> None:
    assert not replica.holds_traces() and replica.catalogs() == []
    backups, made = replica.backups(CATALOG), list[Described]()
    for number in (1, 2, 3):
        content = b"catalog %d" % number * 10_000
        (tmp_path / "catalog").write_bytes(content)
        made.append(described(CATALOG, number, content))
        backups.place(bytes(tmp_path / "catalog"), made[-1])
    assert backups.kept() == made[::-1] and backups.misfits() == set()
    assert replica.holds_traces() and replica.catalogs() == [CATALOG]
    assert backups.prune(2, made[2], [(one.name, one.sha256) for one in made]) == 1
    assert backups.kept() == [made[2], made[1]]
    (tmp_path / "catalog").write_bytes(b"another")
    with pytest.raises(UndeterminedError, match="changed while it was placed"):
        backups.place(bytes(tmp_path / "catalog"), described(CATALOG, 4, b"what was meant"))
    assert backups.kept() == [made[2], made[1]]
    placed.store.remove(b".preserve/catalog/" + str(CATALOG).encode() + b"/" + made[1].stem + b".json")
    assert backups.kept() == [made[2]] and backups.misfits() == {made[1].name}


def described(catalog: UUID, number: int, content: bytes) -> Described:
    return Described(
        catalog=catalog,
        made_at=AT + timedelta(days=number),
        number=number,
        hash=bytes(32),
        sha256=sha256(content).digest(),
        size_bytes=len(content),
        revision="0001",
        program="0.1.0",
    )


def test_canaries_are_made_once_looked_at_and_set_aside(replica: ReplicaStore, placed: Placed) -> None:
    canaries = replica.canaries()
    assert all(canaries.look(canary).missing for canary in CANARIES)
    assert set(canaries.ensure(AT)) == {canary.name for canary in CANARIES}
    assert canaries.ensure(AT) == ()
    assert not any(canaries.look(canary).fault for canary in CANARIES)
    page = next(canary for canary in CANARIES if canary.name == b"page.txt")
    placed.lay(b".preserve/canaries/page.txt", b"x" * 4096)
    assert canaries.look(page).fault == "its content is not what was written"
    assert canaries.ensure(AT, [b"page.txt"]) == (b"page.txt",)
    assert not canaries.look(page).fault
    aside = [name for name, _, _ in placed.store.names_in(b".preserve/canaries") if b".damaged-" in name]
    assert [read(placed, b".preserve/canaries/" + name) for name in aside] == [b"x" * 4096]


def test_nothing_is_made_where_no_replica_is(replica: ReplicaStore, placed: Placed) -> None:
    placed.store.remove(b".preserve/identity.json")
    with pytest.raises(UndeterminedError):
        replica.canaries().ensure(AT)
    with pytest.raises(UndeterminedError):
        replica.heads(CATALOG).append(1, bytes(32), AT)
    assert list(replica.listing(b"")) == []


def test_a_bag_is_read_through_a_tree(replica: ReplicaStore, placed: Placed) -> None:
    write(placed, b"box/data/page", GOOD)
    write(placed, b"box/bagit.txt", b"BagIt")
    tree = replica.tree(b"box")
    assert [name for name, _, _ in tree.names_in(b"")] == [b"bagit.txt", b"data/"]
    assert [name for name, _, _ in tree.names_in(b"data")] == [b"page"]
    assert tree.stat(b"data/page").size_bytes == len(GOOD)
    source = tree.open(b"data/page", past_cache=True)
    buffer = memoryview(bytearray(100))
    assert bytes(buffer[: source.readinto(buffer)]) == GOOD
    source.close()
    assert tree.root.endswith(b"box")


def test_names_are_tried_and_nothing_is_left(replica: ReplicaStore, placed: Placed) -> None:
    names = ["ទំព័រ.tif", "page ", "PAGE", "page", "a/b/c", "x" * 255, "Ảnh"]
    assert replica.unfit([b"box/data/" + name.encode() for name in names]) == {}
    assert set(replica.unfit([b"box/a", b"box/../a"])) == {b"box/../a"}
    assert sorted(one.path for one in replica.listing(b"")) == [b".preserve/identity.json"]
    if placed.folders:
        assert [name for name, _, _ in placed.store.names_in(b".preserve")] == [b"identity.json"]

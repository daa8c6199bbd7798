"""Killed at anything that is asked of a store: a room's work can be finished, and the only bytes are never lost."""

from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from threading import Event

import pytest

from checks.canaries import CANARIES
from preserve.errors import UndeterminedError, UsageError
from preserve.stores.backups import Described
from preserve.stores.capabilities import Renaming
from preserve.stores.memory import MemoryDisk
from preserve.stores.rooms.locking import locked
from preserve.stores.rooms.quarantine import FarEntry
from preserve.stores.rooms.replica import RemoteReplica
from tests.support.killed_stores import AT, CATALOG, KINDS, LONG_DEAD, Clock, Memory, Process, each_kill, new_store

BAD, GOOD = b"what a failing disk made of it", b"what was taken in"
PLACE = b"box/data/page.tif"
FILES = {b"data/page.tif": GOOD, b"data/empty": b"", b"manifest-sha256.txt": b"lines", b"bagit.txt": b"BagIt"}

both_ways = pytest.mark.parametrize("kind", KINDS)


def test_the_kills_reach_into_the_work() -> None:
    kills = list(each_kill(lambda: new_store(KINDS[0]), lambda replica: replica.canaries().ensure(AT)))
    assert len(kills) > 20


# ---- quarantine --------------------------------------------------------------------------------------------------


def _damaged(kind: type[Memory]) -> Memory:
    store = new_store(kind)
    store.lay(PLACE, BAD)
    return store


def _exchange(replica: RemoteReplica) -> FarEntry:
    entry = replica.quarantine().begin({"format": "preserve-quarantine/1"}, AT)
    with entry.file(b"content", size_bytes=len(GOOD), sha256=sha256(GOOD).digest()) as sink:
        sink(memoryview(GOOD))
    entry.exchange(PLACE)
    return entry


@both_ways
def test_an_exchange_puts_the_good_file_in_place_and_the_bad_one_aside(kind: type[Memory]) -> None:
    store = _damaged(kind)
    entry = _exchange(RemoteReplica(store))
    assert store.files[PLACE] == GOOD
    assert store.files[entry.location + b"/content"] == BAD
    assert not entry.has(b"aside")


@both_ways
def test_an_exchange_that_is_killed_anywhere_leaves_the_bad_and_the_good_bytes_whole(kind: type[Memory]) -> None:
    for store, _ in each_kill(lambda: _damaged(kind), _exchange):
        contents = list(store.files.values())
        assert BAD in contents
        if any(path.endswith(b"/content") for path in store.files):
            assert GOOD in contents or BAD in [c for p, c in store.files.items() if p.endswith(b"/content")]
        assert store.files.get(PLACE, GOOD) in (BAD, GOOD)


def test_with_a_bucket_there_is_no_moment_without_a_whole_file_in_the_place() -> None:
    for store, _ in each_kill(lambda: _damaged(KINDS[1]), _exchange):
        assert store.files[PLACE] in (BAD, GOOD)
        if store.files[PLACE] == GOOD:  # then the bad bytes lie in the entry
            assert BAD in [content for path, content in store.files.items() if path != PLACE]


@both_ways
def test_a_file_that_is_taken_is_somewhere_at_every_moment(kind: type[Memory]) -> None:
    def take(replica: RemoteReplica) -> None:
        replica.quarantine().begin({}, AT).take(PLACE)

    for store, _ in each_kill(lambda: _damaged(kind), take):
        assert BAD in store.files.values()


@both_ways
def test_a_file_that_is_given_is_somewhere_at_every_moment_and_makes_its_folder(kind: type[Memory]) -> None:
    def give(replica: RemoteReplica) -> None:
        entry = replica.quarantine().begin({}, AT)
        entry.write(b"content", GOOD)
        entry.give(b"content", b"box/data/new/folder/page.tif", make=True)

    stores = [store for store, _ in each_kill(lambda: new_store(kind), give)]
    begun = [store for store in stores if any(path.endswith(b"/content") for path in store.files)]
    assert begun and stores[-1].files[b"box/data/new/folder/page.tif"] == GOOD
    for store in stores[stores.index(begun[0]) :]:
        assert GOOD in store.files.values()


@both_ways
def test_what_changes_while_it_is_set_aside_is_left(kind: type[Memory]) -> None:
    """The bad file was read, and somebody writes the right one before it is replaced."""
    store = _damaged(kind)
    if isinstance(store, Renaming):
        return  # names change places: nothing is copied
    replica = RemoteReplica(store)
    entry = replica.quarantine().begin({}, AT)
    entry.write(b"content", GOOD)

    def hook(what: str, path: bytes) -> None:
        if what == "replacing":
            store.hook = lambda what, path: None
            store.lay(PLACE, b"a third")

    store.hook = hook
    with pytest.raises(UndeterminedError):
        entry.exchange(PLACE)
    assert store.files[PLACE] == b"a third"
    assert {BAD, GOOD} <= set(store.files.values())


# ---- staging -----------------------------------------------------------------------------------------------------


def _stage(replica: RemoteReplica) -> None:
    """As replicating does it: what is there already is kept, if it has its size."""
    staging = replica.staging(b"package-v1", b"box")
    with staging.held():
        for path, content in FILES.items():
            if staging.size_of(path) != len(content):
                with staging.file(path, size_bytes=len(content), sha256=sha256(content).digest()) as sink:
                    sink(memoryview(content))
        staging.flush()
        staging.publish(b"box")


def _is_copy(store: Memory) -> bool:
    replica = RemoteReplica(store)
    with suppress(Exception):
        replica.stat(b"box")
        return not replica.staging(b"package-v1", b"box").begun()
    return False


@both_ways
def test_a_copy_that_was_killed_is_gone_on_with_and_never_taken_for_whole(kind: type[Memory]) -> None:
    whole = {b"box/" + path: content for path, content in FILES.items()}
    for store, replica in each_kill(lambda: new_store(kind), _stage):
        if _is_copy(store):
            assert {path: c for path, c in store.files.items() if path.startswith(b"box/")} == whole
            replica.staging(b"package-v1", b"box").clear_away()
        else:
            _stage(replica)
        left = {path: c for path, c in store.files.items() if not path.startswith(b".preserve/identity")}
        assert left == whole, left.keys() ^ whole.keys()


@both_ways
def test_a_copy_that_was_killed_can_be_taken_away_file_by_file(kind: type[Memory]) -> None:
    for store, replica in each_kill(lambda: new_store(kind), _stage):
        if _is_copy(store):
            continue
        staging = replica.staging(b"package-v1", b"box")
        with staging.held():
            gone = list(staging.empty())
        assert set(gone) <= set(FILES)
        assert set(store.files) == {b".preserve/identity.json"}


@both_ways
def test_emptying_that_is_killed_is_gone_on_with(kind: type[Memory]) -> None:
    def begun() -> Memory:
        store = new_store(kind)
        staging = RemoteReplica(store).staging(b"package-v1", b"box")
        with staging.held():
            for path, content in FILES.items():
                with staging.file(path) as sink:
                    sink(memoryview(content))
        return store

    def empty(replica: RemoteReplica) -> None:
        staging = replica.staging(b"package-v1", b"box")
        with staging.held():
            list(staging.empty())

    for store, replica in each_kill(begun, empty):
        empty(replica)
        assert set(store.files) == {b".preserve/identity.json"}


# ---- heads, backups, canaries ------------------------------------------------------------------------------------


@both_ways
def test_heads_that_were_killed_are_read_without_a_fault(kind: type[Memory]) -> None:
    def remember(replica: RemoteReplica) -> None:
        for number in (1, 2):
            replica.heads(CATALOG).append(number, bytes(32), AT)

    for store, replica in each_kill(lambda: new_store(kind), remember):
        before, faults = replica.heads(CATALOG).read()
        assert not faults
        replica.heads(CATALOG).append(3, bytes(32), AT)
        kept, faults = replica.heads(CATALOG).read()
        assert [one.number for one in kept] == [*(one.number for one in before), 3]
        assert not faults
        store.tear(f".preserve/heads/{CATALOG}.txt".encode(), 120)  # as a server that lost its power may leave it
        replica.heads(CATALOG).append(4, bytes(32), AT)
        kept, faults = replica.heads(CATALOG).read()
        assert (kept[-1].number, faults) == (4, [])


def _backup(number: int, content: bytes) -> Described:
    return Described(
        catalog=CATALOG,
        made_at=AT + timedelta(days=number),
        number=number,
        hash=bytes(32),
        sha256=sha256(content).digest(),
        size_bytes=len(content),
        revision="0001",
        program="0.1.0",
    )


@both_ways
def test_backups_that_were_killed_count_only_if_they_are_whole(kind: type[Memory], tmp_path: Path) -> None:
    first, second = b"the catalog as it was", b"the catalog as it is"
    (tmp_path / "1").write_bytes(first)
    (tmp_path / "2").write_bytes(second)
    backups = [_backup(1, first), _backup(2, second)]

    def placed() -> Memory:
        store = new_store(kind)
        RemoteReplica(store).backups(CATALOG).place(bytes(tmp_path / "1"), backups[0])
        return store

    def place(replica: RemoteReplica) -> None:
        replica.backups(CATALOG).place(bytes(tmp_path / "2"), backups[1])
        replica.backups(CATALOG).prune(1, backups[1], [(one.name, one.sha256) for one in backups])

    for store, replica in each_kill(placed, place):
        kept = replica.backups(CATALOG).kept()
        assert kept
        for one in kept:
            content = store.files[b"/".join((b".preserve/catalog", str(CATALOG).encode(), one.name))]
            assert sha256(content).digest() == one.sha256
        if backups[1] not in kept:
            replica.backups(CATALOG).place(bytes(tmp_path / "2"), backups[1])
        replica.backups(CATALOG).prune(1, backups[1], [(one.name, one.sha256) for one in backups])
        assert replica.backups(CATALOG).kept() == [backups[1]]


@both_ways
def test_canaries_that_were_killed_are_made_by_the_next_run(kind: type[Memory]) -> None:
    for _, replica in each_kill(lambda: new_store(kind), lambda replica: replica.canaries().ensure(AT)):
        replica.canaries().ensure(AT)
        assert not any(replica.canaries().look(canary).fault for canary in CANARIES)


@both_ways
def test_a_damaged_canary_is_kept_whenever_it_is_killed(kind: type[Memory]) -> None:
    path = b".preserve/canaries/page.txt"

    def damaged() -> Memory:
        store = new_store(kind)
        RemoteReplica(store).canaries().ensure(AT)
        store.flip(path, 77)
        return store

    bad = damaged().files[path]
    for store, replica in each_kill(damaged, lambda replica: replica.canaries().ensure(AT, [b"page.txt"])):
        assert bad in store.files.values()
        if store.files.get(path) in (bad, None):
            replica.canaries().ensure(AT, [b"page.txt"])
        assert not replica.canaries().look(next(one for one in CANARIES if one.name == b"page.txt")).fault
        assert bad in store.files.values()


# ---- locks -------------------------------------------------------------------------------------------------------


@both_ways
def test_a_lock_of_a_dead_process_is_followed_wherever_it_was_killed(kind: type[Memory]) -> None:
    def hold(replica: RemoteReplica) -> None:
        with replica.quarantine().held():
            pass

    for store, replica in each_kill(lambda: new_store(kind), hold):
        hold(replica)
        assert set(store.files) == {b".preserve/identity.json"}


@both_ways
def test_following_a_dead_lock_can_be_killed_anywhere_too(kind: type[Memory]) -> None:
    left_open: list[object] = []

    def abandoned() -> Memory:
        store = new_store(kind)
        held = Process(store, Clock(), LONG_DEAD).replica.quarantine().held()
        held.__enter__()
        left_open.append(held)  # its process is gone: nobody takes it away
        return store

    def hold(replica: RemoteReplica) -> None:
        with replica.quarantine().held():
            pass

    for store, replica in each_kill(abandoned, hold):
        hold(replica)
        left = set(store.files) - {b".preserve/identity.json"}
        assert b".preserve/repair.lock" not in left
        assert not left, "what the killed one made to put it away is gone too"


def test_what_others_left_who_were_to_follow_is_cleared_after_a_day() -> None:
    """Of processes of another machine nobody knows whether they are dead."""
    store, clock = new_store(MemoryDisk), Clock()
    lock = b".preserve/repair.lock"
    far = Process(store, clock, "there:9:9").terms
    names = (b".00112233445566aa", b".00112233445566aa.over", b".none.00112233445566aa")
    abandoned = [locked(store, lock + name, busy="", remedy="", terms=far) for name in names]
    for each in abandoned:
        each.__enter__()
    store.lay(lock + b".mine", b"a person's")
    for hours, left in ((23, 4), (3, 1)):
        clock.now += timedelta(hours=hours)
        with Process(store, clock).replica.quarantine().held():
            pass
        assert len([path for path in store.files if path.startswith(lock)]) == left
    assert lock + b".mine" in store.files


@both_ways
def test_a_lock_of_a_living_process_keeps_others_out_and_says_who(kind: type[Memory]) -> None:
    store, clock = new_store(kind), Clock()
    one = Process(store, clock).replica.quarantine()
    other = Process(store, clock, "there:9:9").replica.quarantine()
    said = r"here:1:1, at the latest until 2026-11-22 09:15:00 UTC"
    with one.held(), pytest.raises(UsageError, match=said), other.held():
        pass


@both_ways
def test_of_two_that_follow_the_same_dead_holder_one_wins(kind: type[Memory]) -> None:
    """Whatever the one has asked of the store when the other comes and does all of its work."""
    for number in range(100):
        store, clock = new_store(kind), Clock()
        abandoned = Process(store, clock, LONG_DEAD).replica.quarantine().held()
        abandoned.__enter__()
        other = Process(store, clock, "there:9:9").replica.quarantine().held()
        came = _Coming(store, number, other)
        won = 0
        with suppress(UsageError), Process(store, clock).replica.quarantine().held():
            won = 1
            assert came.won + won == 1
        assert came.won + won >= 1
        if not came.came:
            return
    raise AssertionError("it never ended")


class _Coming:
    """Another process that takes a lock at the nth thing that is asked of a store, and keeps it."""

    def __init__(self, store: Memory, number: int, held: AbstractContextManager[None]) -> None:
        self.came, self.won, self._left, self._held, self._store = False, 0, number, held, store
        store.hook = self

    def __call__(self, what: str, path: bytes) -> None:
        self._left -= 1
        if self._left == -1:
            self.came = True
            self._store.hook = lambda what, path: None
            with suppress(UsageError):
                self._held.__enter__()
                self.won = 1
            self._store.hook = self


@both_ways
def test_a_lock_that_was_not_renewed_is_followed_and_its_holder_does_nothing_more(kind: type[Memory]) -> None:
    store, clock = new_store(kind), Clock()
    slow = Process(store, clock).replica.staging(b"package-v1", b"box")
    with slow.held():
        clock.now += timedelta(minutes=16)
        fast = Process(store, clock, "there:9:9").replica.staging(b"package-v1", b"box")
        with fast.held(), pytest.raises(UndeterminedError, match="the lock was lost"):
            slow.publish(b"box")
        assert b".preserve/staging/package-v1.lock" not in store.files


@both_ways
def test_a_lock_that_is_renewed_lasts(kind: type[Memory]) -> None:
    store, clock = new_store(kind), Clock()
    process = Process(store, clock)
    with locked(store, b".preserve/repair.lock", busy="busy", remedy="", terms=process.terms) as held:
        for _ in range(5):
            clock.now += timedelta(minutes=14)
            held.renew()
        held.ensure()
        with pytest.raises(UsageError), Process(store, clock, "there:9:9").replica.quarantine().held():
            pass
    assert set(store.files) == {b".preserve/identity.json"}


@both_ways
def test_a_lock_renews_itself_while_it_is_held(kind: type[Memory]) -> None:
    store, clock = new_store(kind), Clock()
    terms = replace(Process(store, clock).terms, renewed_every=timedelta(milliseconds=1))
    renewed = Event()
    with locked(store, b".preserve/repair.lock", busy="busy", remedy="", terms=terms) as held:
        store.hook = lambda what, path: renewed.set() if what in ("appended", "replacing") else None
        assert renewed.wait(60)
        held.ensure()
    assert set(store.files) == {b".preserve/identity.json"}

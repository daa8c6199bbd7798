"""Whatever the program does to a catalog, in whatever order: the check of the catalog finds nothing to say."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from checks.evidence import Evidence
from checks.findings import Code, Finding
from checks.policy import MassChange, Wanted
from preserve.catalog.acts import Act
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import AlertRow, AuditState, NewCopy
from preserve.errors import UsageError
from tests.unit.preserve.catalog.builders import (
    COPY_MISSING,
    START,
    UNAVAILABLE,
    Held,
    damage,
    entries,
    new_package,
    result,
    unreadable,
)

UNTRACKED = Finding(code=Code.UNTRACKED, path=b"data/f1a")
FOUND = [(), (damage(),), (UNTRACKED,), (damage(), UNTRACKED), (unreadable(),), (COPY_MISSING,), (UNAVAILABLE,)]

Step = Callable[[Catalog, datetime, int, int], object]


def _check(catalog: Catalog, now: datetime, which: int, how: int) -> None:
    copies = catalog.copies()
    copy = copies[which % len(copies)]
    shards = catalog.shards(copy.inventory_id)
    findings = FOUND[how % len(FOUND)]
    unread = int(any(one.code in (Code.UNREADABLE, Code.REPLICA_UNAVAILABLE) for one in findings))
    made = result(shards[how // 7 % len(shards)], copy.id, now - timedelta(minutes=how), *findings, unread=unread)
    if how % 5 == 0:
        made = replace(made, paths=[b"data/f0"])
    catalog.commit_checks([made], now)


def _audit(catalog: Catalog, now: datetime, which: int, how: int) -> None:
    """Opens or resumes one, does some of it, and ends, stops or leaves it."""
    stopped = [one for one in catalog.audits() if one.state is AuditState.STOPPED]
    chosen = [one.id for one in catalog.copies()][: which + 1]
    audit = (
        catalog.reopen_audit(stopped[0].id, {"again": how}, now)
        if stopped and how % 2
        else catalog.open_audit_of_copies({"how": how}, Evidence.READ, chosen, now)
    )
    for lease in catalog.lease(audit.id, catalog.remaining(audit.id), "x", now, ttl_seconds=9, limit=how):
        shard, findings = catalog.shard(lease.shard_id), FOUND[(which + lease.shard_id) % 3]
        made = result(shard, lease.copy_id, now, *findings, audit_id=audit.id, lease_token=lease.token)
        catalog.commit_checks([made], now)
    if how % 3:
        done = not catalog.remaining(audit.id)
        if done:
            catalog.end_audit(audit.id, AuditState.ENDED, now)
        else:
            catalog.end_audit(audit.id, AuditState.STOPPED, now, reason=("", "hours", "died")[how % 3], abandoned=how)


def _take_in(catalog: Catalog, now: datetime, which: int, how: int) -> None:
    new = new_package(f"p{which}", entries(how % 5, large=how % 2 == 0, salt=str(how % 3)), 100 + which)
    catalog.add_packages([replace(new, source=b"/bags/%d" % how, collection=f"c{how % 3}")], at=now)


def _place(catalog: Catalog, now: datetime, which: int, how: int) -> None:
    package = catalog.packages()[which % len(catalog.packages())]
    read = catalog.shards(package.inventory_id)[: how % 9]
    checks = [result(shard, 0, now) for shard in read]
    replica = catalog.replicas()[how % len(catalog.replicas())]
    new = NewCopy(inventory_id=package.inventory_id, replica_id=replica.id, location=b"x/%d" % how, checks=checks)
    catalog.record_copy(new, now)


def _replica(catalog: Catalog, now: datetime, which: int, how: int) -> None:
    if how % 2:
        catalog.remove_replica(("disk", "nas", "abroad")[which % 3], now)
    else:
        catalog.add_replica(UUID(int=1 + which % 3), ("disk", "nas", "abroad")[(which + how // 7) % 3], now)


def _act(catalog: Catalog, now: datetime, which: int, how: int) -> None:
    copies = catalog.copies()
    copy = copies[which % len(copies)]
    settles = [(Code.UNTRACKED, b"data/f1a")] if how % 2 else []
    act = Act(kind="file-quarantined", copy_id=copy.id, body={"entry": how}, settles=settles)
    read = [result(catalog.shards(copy.inventory_id)[0], copy.id, now)] if how % 3 == 0 else []
    catalog.record_acts([act], read, now)


def _repair(catalog: Catalog, now: datetime, which: int, how: int) -> None:
    copies = catalog.copies()
    copy = copies[which % len(copies)]
    path = ("data/f0", "data/f3", "data/large.tif", "nowhere")[how % 4]
    read = [result(catalog.shards(copy.inventory_id)[0], copy.id, now)] if how % 3 == 0 else []
    catalog.record_acts([Act(kind="file-repaired", copy_id=copy.id, body={"path": path})], read, now)


def _ask(catalog: Catalog, now: datetime, which: int, how: int) -> None:
    shards = catalog.due(Evidence.READ, now, now)[:how]
    pairs = [(one.copy_id, one.shard_id) for one in shards]
    why = Wanted.ASKED if how % 3 else Wanted.REPAIRED
    catalog.ask_reading(pairs if how % 2 else [which, 1 + which], why, "somebody", now)


def _disbelieve(catalog: Catalog, now: datetime, which: int, how: int) -> None:
    last = catalog.audits()[which % len(catalog.audits())]
    catalog.disbelieve([last.id], catalog.remaining(last.id)[:how], "it passes what is wrong", now)


def _tell(catalog: Catalog, now: datetime, which: int, how: int) -> None:
    """What follows from nothing is nothing to the check."""
    catalog.save_alerts([AlertRow(key=f"k{which}", first_at=now, last_at=now, count=how)])
    catalog.acknowledge([f"k{how % 4}"], "somebody", "", now)
    catalog.record_of_itself("self-test", {"replica": str(catalog.replicas()[0].uuid)}, now)


def _confirm(catalog: Catalog, now: datetime, which: int, how: int) -> None:
    catalog.confirm_change(MassChange(share=0.0, least_files=1), [1 + which % 3], "somebody", now)


def _remove(catalog: Catalog, now: datetime, which: int, how: int) -> None:
    if how < 30:
        return  # seldom, or nothing would be left
    package_id = catalog.packages()[which % len(catalog.packages())].id
    catalog.remove_package(package_id, {"reason": "given back"}, now)
    for copy in catalog.copies_left(package_id)[: how % 3]:
        catalog.copy_deleted(copy.id, {}, now)


STEPS: list[Step] = [_check, _check, _audit, _take_in, _place, _place, _replica, _act, _confirm, _remove]
STEPS += [_repair, _ask, _disbelieve, _tell]
steps = st.tuples(st.sampled_from(STEPS), st.integers(0, 4), st.integers(0, 40))


@settings(max_examples=120, deadline=None)
@given(
    done=st.lists(steps, max_size=30),
    read=st.booleans(),
    clock=st.lists(st.sampled_from([1, 1, 1, 30, -1, -40, 9000, -9000]), min_size=30, max_size=30),
)
def test_what_the_program_did_is_clean(done: list[tuple[Step, int, int]], read: bool, clock: list[int]) -> None:
    """Even while its clock is set on and back."""
    with TemporaryDirectory() as folder:
        catalog = Held(Path(folder), read=read).catalog
        now = START
        for (step, which, how), hours in zip(done, clock, strict=False):
            now += timedelta(hours=hours)
            with suppress(UsageError, ZeroDivisionError, IndexError):  # there is none of that, or it is there already
                step(catalog, now, which, how)
        faults = list(catalog.check())
        catalog.close()
        assert faults == []

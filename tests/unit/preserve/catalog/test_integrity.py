"""Whatever is changed in the catalog's file behind the program's back is named; what the program did is not."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from uuid import UUID

import pytest

from checks.evidence import Evidence
from checks.findings import Code, Finding
from checks.inventory import inventory_root
from checks.policy import MassChange, Wanted
from preserve.app import audits
from preserve.app.holdings import replicate, take_in
from preserve.catalog.acts import Act
from preserve.catalog.catalog import Catalog
from preserve.catalog.columns import Columns, decode, decode_entries
from preserve.catalog.journal import BEGINNING, canonical, link_hash
from preserve.catalog.rows import AuditRow, AuditState, Fault, Head, NewCopy
from preserve.catalog.schema import metadata
from preserve.progress import Silent
from tests.support.workspaces import make_workspace
from tests.unit.preserve.catalog.builders import (
    COPY_MISSING,
    DAY,
    START,
    UNAVAILABLE,
    Held,
    damage,
    dump,
    entries,
    new_package,
    result,
    unreadable,
)

UNTRACKED = Finding(code=Code.UNTRACKED, path=b"data/f1a")
CHANGED = MassChange(share=0.0, least_files=1)
Edit = Callable[[sqlite3.Connection], object]


@cache
def _lived() -> Path:
    """A catalog with two of everything: versions, replicas that came back, audits, acts, packages that went."""
    held = Held(Path(mkdtemp(prefix="catalog-lived-")))
    catalog = held.catalog
    now = iter(START + DAY * n for n in range(1, 100))
    held.commit(0, next(now), damage(), UNTRACKED)
    held.commit(1, next(now), unreadable(b"data/f3"), unread=1)
    held.commit(2, next(now), damage(b"data/f6", Code.MISSING), copy=2)
    held.commit(0, next(now), UNAVAILABLE, copy=2, unread=3, good=0, bytes_read=0)
    held.commit(0, next(now), copy=2)
    held.commit(0, next(now), damage(), paths=[b"data/f0"])
    _stopped_and_resumed(catalog, [1, 2], now)
    catalog.confirm_change(CHANGED, [1], "somebody", next(now))
    act = Act(kind="file-quarantined", copy_id=1, body={"entry": "1"}, settles=[(Code.UNTRACKED, b"data/f1a")])
    catalog.record_acts([act], [], next(now))
    catalog.remove_replica("nas", next(now))
    catalog.add_replica(UUID(int=2), "nas", next(now))
    other = replace(new_package("b", entries(4, large=False), 2), collection="other", source=b"/bags/b")
    last = replace(new_package("ទំព័រ", entries(2), 3), source=b"/bags/last")
    catalog.add_packages([other, last], at=next(now))
    catalog.add_packages([new_package("a", entries(salt="again"))], at=next(now))
    catalog.add_packages([replace(other, records=list(other.records), source=b"/bags/moved")], at=next(now))
    for package in catalog.packages():
        _place(catalog, package.id, next(now))
    _run(catalog, [1, 2, 3, 4], next(now), {})
    _run(catalog, [5, 6], next(now), {5: [damage()], 6: [COPY_MISSING]})
    _some(catalog, catalog.open_audit_of_copies({}, Evidence.READ, [2, 7, 8], next(now)), START + 95 * DAY, {}, limit=1)
    catalog.remove_package(3, {"reason": "given back"}, next(now))
    catalog.copy_deleted(7, {"by": "somebody"}, next(now))
    catalog.add_replica(UUID(int=9), "abroad", next(now))
    catalog.remove_replica("abroad", next(now))
    catalog.end_audit(4, AuditState.STOPPED, next(now), reason="hours", abandoned=1)
    catalog.record_acts([Act(kind="file-repaired", copy_id=2, body={"path": "data/large.tif"})], [], next(now))
    catalog.disbelieve([3], [(5, catalog.shards(2)[0].id)], "it passes what is wrong", next(now))
    catalog.ask_reading([1, 7], Wanted.ASKED, "somebody", next(now))
    catalog.ask_reading([(3, catalog.shards(4)[1].id)], Wanted.ASKED, "somebody", next(now))
    catalog.open_audit_of_copies({}, Evidence.READ, [1], next(now))
    catalog.close()
    return held.path


def _stopped_and_resumed(catalog: Catalog, copies: list[int], now: Iterator[datetime]) -> None:
    audit = catalog.open_audit_of_copies({"due": True}, Evidence.READ_MEDIUM, copies, next(now))
    _some(catalog, audit, next(now), {1: [damage(), UNTRACKED]}, limit=3)
    catalog.end_audit(audit.id, AuditState.STOPPED, next(now))
    catalog.reopen_audit(audit.id, {"due": True, "by": "somebody"}, next(now))
    _some(catalog, audit, next(now), {}, limit=99)
    catalog.end_audit(audit.id, AuditState.ENDED, next(now))


def _run(catalog: Catalog, copies: list[int], now: datetime, found: dict[int, list[Finding]]) -> None:
    audit = catalog.open_audit_of_copies({"copies": copies}, Evidence.READ, copies, now)
    _some(catalog, audit, now, found, limit=99)
    catalog.end_audit(audit.id, AuditState.ENDED, now)


def _some(catalog: Catalog, audit: AuditRow, now: datetime, found: dict[int, list[Finding]], limit: int) -> None:
    left = catalog.remaining(audit.id)
    for lease in catalog.lease(audit.id, left, "somebody", now, ttl_seconds=600, limit=limit):
        shard = catalog.shard(lease.shard_id)
        first = shard.start == b"" and lease.copy_id in found
        one = found[lease.copy_id] if first else []
        more = {"audit_id": audit.id, "lease_token": lease.token}
        catalog.commit_checks([result(shard, lease.copy_id, now, *one, **more)], now)  # type: ignore[arg-type]


def _place(catalog: Catalog, package_id: int, now: datetime) -> None:
    """A copy of the current version on each replica, read on the first of them."""
    package = next(one for one in catalog.packages() if one.id == package_id)
    checks = [result(shard, 0, now) for shard in catalog.shards(package.inventory_id)]
    new = [
        NewCopy(inventory_id=package.inventory_id, replica_id=n, location=b"x", checks=checks if n == 1 else [])
        for n in (1, 2)
    ]
    catalog.record_copies(new, now)


@pytest.fixture
def lived(tmp_path: Path) -> Path:
    return Path(shutil.copy(_lived(), tmp_path / "catalog.sqlite"))


def check(path: Path, *heads: Head) -> list[Fault]:
    with Catalog(path) as catalog:  # not `open`: an edited file is to be looked at as it is
        return list(catalog.check(heads))


def edit(path: Path, change: str | Edit) -> None:
    """Raw SQLite, as an insider would: no foreign keys, no program."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        if isinstance(change, str):
            before = connection.total_changes
            connection.executescript(change)
            assert connection.total_changes > before or "TRIGGER" in change or "INDEX" in change or "DROP" in change
        else:
            change(connection)
        connection.commit()


def told(faults: list[Fault]) -> str:
    return "\n".join(f"{one.where} {one.number}: {one.message} [{one.expected}] [{one.found}]" for one in faults)


# --- no false alarm


def test_what_the_program_did_is_clean(lived: Path) -> None:
    before = dump(lived)
    assert check(lived) == []
    assert dump(lived) == before


def test_an_empty_catalog_is_clean(tmp_path: Path) -> None:
    with Catalog.create(tmp_path / "c.sqlite", START) as catalog:
        assert list(catalog.check()) == []


def test_a_workspace_that_was_worked_with_is_clean(tmp_path: Path) -> None:
    made = make_workspace(tmp_path, packages=3, files=12)
    box = made.packages[0]
    made.copy("nas", box).joinpath("data/foreign.bin").write_bytes(b"x")
    made.audit()
    some = next(path for path in made.files[box] if path.startswith(b"data/"))
    made.copy("disk", box).joinpath(some.decode()).write_bytes(b"changed")
    shutil.rmtree(made.copy("abroad", made.packages[1]))
    made.audit()
    with made.open() as workspace:
        path = workspace.settings.catalog.path
        audits.read_path(workspace, some.decode(), Silent(), packages=(box,))
        bag = tmp_path / "older" / made.packages[2]
        assert all(each.package for each in take_in(workspace, [bag], Silent(), new_version=True))
        list(replicate(workspace, (), ("nas",), Silent()))
    made.audit()
    assert check(path) == []


def test_links_of_a_later_program_are_let_be(held: Held) -> None:
    with held.catalog.writing() as connection:
        from preserve.catalog.journal import append

        append(connection, "catalog-backed-up", START, {"replica": "nas", "package": 7})
        append(connection, "catalog-rebuilt", START, {"closed": "x"})
        append(connection, "sky-fell", START, {"how": ["far"]})
    assert list(held.catalog.check()) == []


# --- what an insider does

EDITS: dict[str, tuple[str | Edit, str, str]] = {
    "a finding deleted": (
        "DELETE FROM finding WHERE code = 'copy-missing'",
        "finding",
        "copy-missing of the copy of version 1 of the package b on the replica nas is not in the catalog any more",
    ),
    "a finding closed": (
        "UPDATE finding SET closed_check = 40, closed_at = 1 WHERE code = 'copy-missing'",
        "finding",
        "closed_at",
    ),
    "a finding opened again": (
        "UPDATE finding SET closed_check = NULL, closed_at = NULL WHERE code = 'untracked'",
        "finding",
        "untracked on data/f1a",
    ),
    "a finding's code": (
        "UPDATE finding SET code = 'unstable-read' WHERE code = 'copy-missing'",
        "finding",
        "unstable",
    ),
    "a finding's severity": (
        "UPDATE finding SET severity = 'warning' WHERE code = 'copy-missing'",
        "finding",
        "`severity`",
    ),
    "a finding's path": ("UPDATE finding SET path = x'64' WHERE code = 'missing'", "finding", "missing on data/f6"),
    "a finding's parameters": ("UPDATE finding SET parameters = '{}' WHERE code = 'unreadable'", "finding", "`param"),
    "a finding moved to another copy": (
        "UPDATE finding SET copy_id = 1 WHERE code = 'copy-missing'",
        "finding",
        "b on",
    ),
    "a finding twice": (
        "INSERT INTO finding SELECT 900, copy_id, shard_id, path, code, severity, parameters, opened_check, opened_at,"
        " seen_check, seen_at, closed_check, closed_at FROM finding WHERE code = 'untracked'",
        "finding",
        "nothing in the journal says so",
    ),
    "an outcome": ("UPDATE shard_check SET outcome = 'pass' WHERE outcome = 'fail'", "shard_check", "`outcome`"),
    "a check inserted": (
        "INSERT INTO shard_check SELECT 900, audit_id, copy_id, shard_id, started_at, ended_at, evidence, outcome,"
        " good, bad, unread, bytes_read FROM shard_check LIMIT 1",
        "shard_check",
        "check 900",
    ),
    "a check for a link that is none": (
        "INSERT INTO shard_check SELECT 1, audit_id, copy_id, shard_id, started_at, ended_at, evidence, outcome,"
        " good, bad, unread, bytes_read FROM shard_check LIMIT 1",
        "shard_check",
        "check 1,",
    ),
    "a check deleted": (
        "DELETE FROM shard_check WHERE outcome = 'fail'",
        "shard_check",
        "of the copy of version 1 of the package a on the replica disk is not in the catalog any more",
    ),
    "a check's time": ("UPDATE shard_check SET ended_at = ended_at + 1 WHERE number = 9", "shard_check", "`ended_at`"),
    "a check's evidence": ("UPDATE shard_check SET evidence = 4 WHERE number = 9", "shard_check", "`evidence`"),
    "a check's copy": ("UPDATE shard_check SET copy_id = 2 WHERE copy_id = 1", "shard_check", "`copy_id`"),
    "a shard read later": (
        "UPDATE shard_state SET read_at = read_at + 86400000000 WHERE copy_id = 1",
        "shard_state",
        "the first shard of the copy of version 1 of the package a on the replica disk: `read_at`",
    ),
    "a shard's outcome": ("UPDATE shard_state SET outcome = 'pass' WHERE outcome = 'fail'", "shard_state", "`outcome`"),
    "a shard put off": ("UPDATE shard_state SET not_before = 9999999999999999", "shard_state", "`not_before`"),
    "a shard's failures": ("UPDATE shard_state SET failures = failures + 1", "shard_state", "`failures`"),
    "a shard wanted no more": (
        "UPDATE shard_state SET wanted = NULL WHERE wanted = 'repaired'",
        "shard_state",
        "the shard from data/large.tif on of the copy of version 1 of the package a on the replica nas: `wanted`",
    ),
    "a shard asked for": (
        "UPDATE shard_state SET wanted = 'asked', wanted_at = 1 WHERE copy_id = 6",
        "shard_state",
        "`wanted_at`",
    ),
    "a shard's state deleted": ("DELETE FROM shard_state WHERE copy_id = 2 AND shard_id = 3", "shard_state", "nas is"),
    "a copy's damage": (
        "UPDATE copy SET damage = 0",
        "copy",
        "the copy of version 1 of the package b on the replica disk: `damage`",
    ),
    "a copy's doubts": ("UPDATE copy SET undetermined = 7 WHERE id = 1", "copy", "`undetermined`"),
    "a copy's shards read": ("UPDATE copy SET shards_read = shards", "copy", "`shards_read`"),
    "a copy's age": ("UPDATE copy SET oldest_read_at = oldest_read_at + 5 WHERE id = 1", "copy", "`oldest_read_at`"),
    "a copy's place": ("UPDATE copy SET location = x'79' WHERE id = 1", "copy", "`location`"),
    "a copy removed": ("UPDATE copy SET removed_at = 5 WHERE id = 1", "copy", "`removed_at`"),
    "a copy confirmed": ("UPDATE copy SET confirmed_check = 99 WHERE id = 5", "copy", "`confirmed_check`"),
    "a copy deleted": ("UPDATE copy SET deleted_at = 5 WHERE id = 8", "copy", "`deleted_at`"),
    "a copy inserted": (
        "INSERT INTO copy SELECT 90, 1, 3, 1, location, recorded_at, shards, shards_read, oldest_read_at, 0, 0, 0,"
        " NULL, NULL, NULL FROM copy WHERE id = 1",
        "copy",
        "the copy 90 stands in the catalog",
    ),
    "a copy's row gone": ("DELETE FROM copy WHERE id = 2", "copy", "a on the replica nas is not in the catalog"),
    "a verdict": (
        "UPDATE package SET verdict = 'intact' WHERE identifier = 'b'",
        "package",
        "the package b: `verdict`",
    ),
    "a count of copies": ("UPDATE package SET copies = 5 WHERE identifier = 'b'", "package", "`copies`"),
    "a package removed": ("UPDATE package SET removed_at = 5 WHERE identifier = 'a'", "package", "`removed_at`"),
    "a package back": ("UPDATE package SET removed_at = NULL WHERE identifier = 'ទំព័រ'", "package", "ទំព័រ: `removed"),
    "a package renamed": ("UPDATE package SET identifier = 'z' WHERE identifier = 'b'", "package", "`identifier`"),
    "a source": ("UPDATE package SET source = x'2f' WHERE identifier = 'b'", "package", "`source`"),
    "a version set back": ("UPDATE package SET inventory_id = 1 WHERE identifier = 'a'", "package", "`inventory_id`"),
    "another collection": ("UPDATE package SET collection_id = 1 WHERE identifier = 'b'", "package", "`collection`"),
    "a collection renamed": ("UPDATE collection SET name = 'x' WHERE name = 'other'", "collection", "collection other"),
    "a replica renamed": ("UPDATE replica SET name = 'x' WHERE name = 'disk'", "replica", "disk: `name`"),
    "a replica removed": ("UPDATE replica SET removed_at = 5 WHERE name = 'disk'", "replica", "`removed_at`"),
    "a replica inserted": ("INSERT INTO replica VALUES (9, 'ab', 'x', 5, NULL)", "replica", "the replica 9 stands"),
    "an audit's counts": ("UPDATE audit SET failed = 0, passed = done", "audit", "audit 1: `failed`"),
    "an audit's end": ("UPDATE audit SET state = 'ended', ended_at = 5 WHERE id = 5", "audit", "audit 5: `state`"),
    "why an audit stopped": ("UPDATE audit SET reason = '' WHERE id = 4", "audit", "audit 4: `reason`"),
    "an audit's scope": ("UPDATE audit SET scope = '{}' WHERE id = 1", "audit", "`scope`"),
    "an audit deleted": ("DELETE FROM audit WHERE id = 2", "audit", "audit 2 is not in the catalog any more"),
    "an item inserted": ("INSERT INTO audit_item VALUES (5, 2, 1, NULL, NULL)", "audit_item", "audit 5 set out"),
    "an item marked done": (
        "UPDATE audit_item SET check_number = 9 WHERE audit_id = 5 AND shard_id = 1",
        "audit_item",
        "the item of audit 5 for the first shard",
    ),
    "an item undone": ("UPDATE audit_item SET check_number = NULL WHERE audit_id = 2", "audit_item", "audit 2"),
    "an item exchanged": (
        "UPDATE audit_item SET copy_id = 2 WHERE audit_id = 5 AND shard_id = 1",
        "audit_item",
        "audit 5 set out",
    ),
    "an event deleted": ("DELETE FROM event WHERE kind = 'package-removed'", "event", "as an event of the package ទំ"),
    "an event's kind": ("UPDATE event SET kind = 'x' WHERE kind = 'copy-deleted'", "event", "`kind`"),
    "an event moved": ("UPDATE event SET package_id = 1 WHERE kind = 'copy-deleted'", "event", "`package_id`"),
    "an inventory's files": (
        "UPDATE inventory SET files = 1 WHERE id = 1",
        "inventory",
        "version 1 of the package a: `f",
    ),
    "an inventory's root": ("UPDATE inventory SET root = zeroblob(32) WHERE id = 2", "inventory", "`root`"),
    "an inventory's parent": ("UPDATE inventory SET parent_id = 2 WHERE version = 2", "inventory", "`parent_id`"),
    "an inventory deleted": ("DELETE FROM inventory WHERE id = 1", "inventory", "version 1 of the package a is not in"),
    "an inventory inserted": (
        "INSERT INTO inventory SELECT 90, package_id, 9, NULL, root, files, size_bytes, shards, algorithm, NULL, NULL"
        " FROM inventory WHERE id = 1",
        "inventory",
        "the inventory 90",
    ),
    "a large file's digest": (
        "UPDATE inventory SET large_files = zeroblob(40) WHERE id = 1",
        "inventory",
        "the list of large files of version 1 of the package a cannot be read",
    ),
    "a large file's root": (
        "UPDATE inventory SET large_root = zeroblob(32) WHERE id = 1",
        "inventory",
        "list of large",
    ),
    "no large files": (
        "UPDATE inventory SET large_files = NULL, large_root = NULL WHERE id = 1",
        "inventory",
        "large.t",
    ),
    "a shard's root": ("UPDATE shard SET root = zeroblob(32) WHERE id = 2", "shard", "from data/f3 on"),
    "a shard's files": ("UPDATE shard SET files = 1 WHERE id = 1", "shard", "the first shard of version 1"),
    "a shard's bytes": ("UPDATE shard SET bytes_to_read = 1 WHERE id = 1", "shard", "`bytes_to_read`"),
    "a shard's start": ("UPDATE shard SET start = start || x'00' WHERE id = 2", "record", "does not have the shard's"),
    "a shard deleted": ("DELETE FROM shard WHERE id = 2", "shard", "another number of shards"),
    "a shard inserted": ("INSERT INTO shard VALUES (90, 77, x'61', 0, 0, zeroblob(32))", "shard", "shard 90 belongs"),
    "a record deleted": ("DELETE FROM record WHERE shard_id = 2", "record", "the record of the shard from data/f3 on"),
    "a record's digests": (
        "UPDATE record SET digests = zeroblob(96) WHERE shard_id = 1",
        "record",
        "the first shard of",
    ),
    "a record that is none": ("UPDATE record SET paths = 'x' WHERE shard_id = 1", "record", "cannot be read"),
    "a record's sizes": ("UPDATE record SET sizes = x'00' WHERE shard_id = 1", "record", "cannot be read"),
    "a record inserted": ("INSERT INTO record VALUES (99, x'', x'', x'', NULL)", "record", "shard 99 belongs"),
    "a link's body": ("UPDATE journal SET body = CAST('{}' AS BLOB) WHERE number = 9", "journal", "link 9 was changed"),
    "a link's body as text": ("UPDATE journal SET body = CAST(body AS TEXT) WHERE number = 9", "journal", "link 9 was"),
    "a link's kind": ("UPDATE journal SET kind = 'x' WHERE number = 9", "journal", "it calls itself check"),
    "a link's hash": ("UPDATE journal SET hash = zeroblob(32) WHERE number = 9", "journal", "rests on a broken chain"),
    "a link deleted": ("DELETE FROM journal WHERE number = 9", "journal", "the links 9 to 9 are gone"),
    "a link before the first": ("INSERT INTO journal VALUES (-3, 'x', x'', x'', x'')", "journal", "before link -3"),
    "the head": ("UPDATE journal_head SET number = number - 1", "journal_head", "is not its last link"),
    "no head": ("DELETE FROM journal_head", "journal_head", "the journal's head is gone"),
    "the catalog's name": ("UPDATE catalog SET uuid = 'ab'", "catalog", "`uuid`"),
    "the catalog's age": ("UPDATE catalog SET created_at = 1", "catalog", "`created_at`"),
    "no catalog row": ("DELETE FROM catalog", "catalog", "the catalog's own row is not in"),
    "a trigger": (
        "CREATE TRIGGER quiet AFTER INSERT ON finding BEGIN DELETE FROM finding WHERE id = new.id; END",
        "catalog",
        "a trigger `quiet`",
    ),
    "an index dropped": ("DROP INDEX finding_one_error", "catalog", "the index `finding_one_error` is gone"),
    "a table dropped": ("DROP TABLE event", "event", "cannot be read any further: no such table: kept.event"),
    "a column of another kind": ("UPDATE copy SET damage = CAST(x'ff' AS TEXT) WHERE id = 1", "copy", "`damage`"),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_named(lived: Path, name: str) -> None:
    change, table, words = EDITS[name]
    edit(lived, change)
    faults = check(lived)
    assert any(one.where == table and words in one.message for one in faults), told(faults)


# What follows from nothing: numbers that only the program itself gives out, and what is made anew at will.
_UNCHECKED = ("lease", "leader", "heartbeat", "alert", "channel", "name_index", "name_slice")
_FREE = {
    *("catalog.last_token", "audit_item.token", "finding.id"),
    *(f"{table}.{column}" for table in _UNCHECKED for column in metadata.tables[table].c.keys()),  # noqa: SIM118
}


@pytest.mark.parametrize("row", ["min", "max"])
@pytest.mark.parametrize(
    "name", sorted({str(column) for table in metadata.tables.values() for column in table.c} - _FREE)
)
def test_no_column_can_be_changed_unseen(lived: Path, name: str, row: str) -> None:
    table, column = name.split(".")
    key = next(iter(metadata.tables[table].primary_key)).name
    changed = f"CASE typeof({column}) WHEN 'integer' THEN {column} + 1000 WHEN 'null' THEN 7 ELSE {column} || 'x' END"
    if row == "min" and metadata.tables[table].c[column].type.python_type is bytes:
        first = f"CAST(x'41' || ifnull(substr({column}, 2), '') AS BLOB)"
        changed = f"CASE typeof({column}) WHEN 'blob' THEN {first} ELSE x'41' END"
    edit(lived, f"UPDATE {table} SET {column} = {changed} WHERE {key} = (SELECT {row}({key}) FROM {table})")
    assert check(lived)


@pytest.mark.parametrize("row", ["min", "max"])
@pytest.mark.parametrize("table", sorted(set(metadata.tables) - set(_UNCHECKED)))
def test_no_row_can_be_taken_out_unseen(lived: Path, table: str, row: str) -> None:
    key = next(iter(metadata.tables[table].primary_key)).name
    edit(lived, f"DELETE FROM {table} WHERE {key} = (SELECT {row}({key}) FROM {table})")
    assert check(lived)


def test_names_are_showable(lived: Path) -> None:
    edit(lived, "UPDATE replica SET name = 'a' || char(27) || char(8238) WHERE id = 1")
    edit(lived, "UPDATE package SET identifier = CAST(x'1bff' AS TEXT) WHERE id = 1")
    said = told(check(lived))
    assert "\\x1b" in said
    assert not {"\x1b", "\u202e", "\udcff"} & set(said)


def test_a_finding_deleted_with_all_that_shows_it(lived: Path) -> None:
    edit(
        lived,
        "DELETE FROM finding WHERE code = 'copy-missing'; UPDATE copy SET damage = 0 WHERE id = 6;"
        "UPDATE package SET verdict = 'intact' WHERE identifier = 'b'",
    )
    assert {one.where for one in check(lived)} == {"finding", "copy", "package"}


def test_one_edit_is_one_fault(lived: Path) -> None:
    edit(lived, "UPDATE shard_state SET read_at = read_at + 1 WHERE copy_id = 1 AND shard_id = 1")
    (fault,) = check(lived)
    assert (fault.where, fault.expected[:10], fault.expected != fault.found) == ("shard_state", "2026-01-24", True)


def test_a_package_deleted_with_all_of_its_rows(lived: Path) -> None:
    of = "(SELECT id FROM copy WHERE package_id = 2)"
    shards = "(SELECT s.id FROM shard s JOIN inventory i ON i.id = s.inventory_id WHERE i.package_id = 2)"
    edit(
        lived,
        "".join(
            f"DELETE FROM {table} WHERE copy_id IN {of};"
            for table in ("finding", "shard_state", "shard_check", "audit_item", "lease")
        )
        + f"DELETE FROM record WHERE shard_id IN {shards}; DELETE FROM shard WHERE id IN {shards};"
        "DELETE FROM inventory WHERE package_id = 2; DELETE FROM copy WHERE package_id = 2;"
        "DELETE FROM event WHERE package_id = 2; DELETE FROM package WHERE id = 2;"
        "DELETE FROM collection WHERE name = 'other'",
    )
    faults = check(lived)
    assert {"package", "inventory", "shard", "copy", "event", "collection"} <= {one.where for one in faults}
    assert any(one.message == "the package b is not in the catalog any more" for one in faults), told(faults)


def _forged_record(connection: sqlite3.Connection, *, large: bool = False) -> None:
    """A digest in a record, the shard's root and the inventory's root, all fitting together."""
    stored = Columns(
        *connection.execute("SELECT paths, sizes, digests, segments FROM record WHERE shard_id = 1").fetchone()
    )
    digests = bytes(32) + stored.digests[32:]
    connection.execute("UPDATE record SET digests = ? WHERE shard_id = 1", (digests,))
    stop = connection.execute("SELECT start FROM shard WHERE id = 2").fetchone()[0]
    root = decode(b"", stop, replace(stored, digests=digests)).root()
    connection.execute("UPDATE shard SET root = ? WHERE id = 1", (root,))
    roots = [row[0] for row in connection.execute("SELECT root FROM shard WHERE inventory_id = 1 ORDER BY start")]
    files = decode_entries(connection.execute("SELECT large_files FROM inventory WHERE id = 1").fetchone()[0])
    connection.execute("UPDATE inventory SET root = ? WHERE id = 1", (inventory_root(roots, files),))


def test_a_digest_changed_with_all_roots(lived: Path) -> None:
    edit(lived, _forged_record)
    faults = check(lived)
    assert {(one.where) for one in faults} == {"shard", "inventory", "record"}, told(faults)
    assert any(
        "the first shard of version 1 of the package a was checked against another root" in one.message
        for one in faults
    )
    assert any("were changed: together they do not have the root" in one.message for one in faults)


# --- the journal itself


def _rehash(connection: sqlite3.Connection, change: Callable[[dict[str, object]], object], number: int) -> None:
    """Another body, and the whole chain after it made to fit."""
    previous, head = BEGINNING, 0
    for at, body in connection.execute("SELECT number, body FROM journal ORDER BY number").fetchall():
        if at == number:
            fields = json.loads(body)
            change(fields)
            body = canonical(fields)
        hash_ = link_hash(at, previous, body)
        connection.execute(
            "UPDATE journal SET previous = ?, body = ?, hash = ? WHERE number = ?", (previous, body, hash_, at)
        )
        previous, head = hash_, at
    connection.execute("UPDATE journal_head SET number = ?, hash = ?", (head, previous))


def _number(path: Path, kind: str, having: str = "") -> int:
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT max(number) FROM journal WHERE kind = ? AND instr(CAST(body AS TEXT), ?) > 0"
        return int(connection.execute(query, (kind, having or kind)).fetchone()[0])


def _set(**values: object) -> Callable[[dict[str, object]], object]:
    return lambda body: body.update(values)


FORGED: dict[str, tuple[str, str, Callable[[dict[str, object]], object], str]] = {
    "an outcome": ("check", '"outcome":"fail"', _set(outcome="pass"), "journal"),
    "an outcome with its figures": (
        "check",
        '"copy-missing"',
        lambda body: (body.update(outcome="pass", bad=0), body.pop("findings"), body.pop("observed_root")),
        "finding",
    ),
    "a time": ("check", "", _set(started_at="2025-01-01T00:00:00.000000Z"), "shard_check"),
    "a check that ends before it starts": ("check", "", _set(started_at="2045-01-01T00:00:00.000000Z"), "journal"),
    "figures": ("check", "", _set(good=1000), "shard_check"),
    "a root": ("package-added", '"identifier":"b"', _set(root="00" * 32), "inventory"),
    "an identifier": ("package-added", '"identifier":"b"', _set(identifier="z"), "package"),
    "an identifier that another has": ("package-added", '"identifier":"b"', _set(identifier="a"), "journal"),
    "a version": ("package-added", '"identifier":"b"', _set(version=3), "journal"),
    "a version without sense": ("package-added", '"identifier":"b"', _set(version="one"), "journal"),
    "a place": ("copy-recorded", "", _set(location={"path": "z"}), "copy"),
    "a place that is none": ("copy-recorded", "", _set(location={"path": None}), "journal"),
    "an unknown package": ("check", "", _set(package=str(UUID(int=77))), "journal"),
    "an unknown shard": ("check", "", _set(start="ff"), "journal"),
    "a start that is no hex": ("check", "", _set(start="zz"), "journal"),
    "an unknown audit": ("check", '"audit"', _set(audit=99), "journal"),
    "an unknown code": (
        "check",
        '"findings"',
        _set(findings=[{"code": "x", "path": None, "parameters": {}}]),
        "journal",
    ),
    "an evidence": ("check", "", _set(evidence="sworn"), "journal"),
    "nothing": ("check", "", lambda body: body.clear(), "journal"),
    "another kind": ("copy-deleted", "", _set(kind="change-confirmed"), "journal"),
    "a time without a zone": ("check", "", _set(at="2026-01-01T00:00:00"), "journal"),
    "counts of an audit": ("audit-ended", "", _set(failed=0), "journal"),
    "why it stopped": ("audit-stopped", '"reason"', _set(reason="died"), "audit"),
    "more given up than was left": ("audit-stopped", '"reason"', _set(abandoned=999), "journal"),
    "what is disbelieved": ("audit-disbelieved", "", _set(audits=[2]), "audit"),
    "what was never begun disbelieved": ("audit-disbelieved", "", _set(audits=[99]), "journal"),
    "whose reading was asked": ("reading-asked", "", _set(package=str(UUID(int=77))), "journal"),
    "why it was asked": ("reading-asked", "", _set(why="repaired"), "shard_state"),
    "why it was asked, without sense": ("reading-asked", "", _set(why="whim"), "journal"),
    "when it was asked": ("reading-asked", "", _set(at="2025-01-01T00:00:00.000000Z"), "shard_state"),
    "what was asked": ("reading-asked", '"starts"', _set(starts=[""]), "shard_state"),
    "a shard that is none asked": ("reading-asked", '"starts"', _set(starts=["ff"]), "journal"),
    "which file was repaired": ("file-repaired", "", _set(path="data/f0"), "shard_state"),
    "a plan": ("audit-opened", "", _set(planned=3), "audit"),
    "a confirmation": ("change-confirmed", "", _set(kind="change-noted"), "copy"),
    "what an act settled": ("file-quarantined", "", lambda body: body.pop("closed"), "finding"),
    "what a check closed": ("check", '"closed"', lambda body: body.pop("closed"), "journal"),
    "an act of no copy": ("file-quarantined", "", lambda body: body.pop("replica"), "journal"),
    "a number that is too large": ("check", "", _set(bytes_read=1 << 70), "journal"),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_link_forged_with_the_whole_chain(lived: Path, name: str) -> None:
    kind, having, change, table = FORGED[name]
    number = _number(lived, kind, having)
    edit(lived, lambda connection: _rehash(connection, change, number))
    faults = check(lived)
    assert any(one.where == table for one in faults), told(faults)
    assert not any("broken chain" in one.message or "was changed: its hash" in one.message for one in faults)


@pytest.mark.parametrize("kind", ["x'00ff'", "1.5"])
def test_a_kind_that_is_no_text(lived: Path, kind: str) -> None:
    edit(lived, f"UPDATE journal SET kind = {kind} WHERE number = 3")
    assert any(one.number == 3 and one.where == "journal" for one in check(lived))


def test_what_is_no_body_at_all(lived: Path) -> None:
    def forge(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE journal SET body = x'ff00' WHERE number = 20")
        _rehash(connection, lambda body: None, 0)

    edit(lived, forge)
    assert any(one.where == "journal" and one.number == 20 for one in check(lived))
    with Catalog(lived) as catalog:
        assert catalog.verify_journal() == 20


def _head(path: Path, number: int | None = None) -> Head:
    with closing(sqlite3.connect(path)) as connection:
        which = "(SELECT number FROM journal_head)" if number is None else str(number)
        row = connection.execute(f"SELECT number, hash FROM journal WHERE number = {which}").fetchone()
    return Head(number=row[0], hash=row[1], at=datetime(2026, 5, 1, tzinfo=UTC), where="nas")


def test_heads_of_this_chain_are_no_fault(lived: Path) -> None:
    beginning = Head(number=0, hash=BEGINNING, at=None, where="disk")
    assert check(lived, beginning, _head(lived, 1), _head(lived, 9), _head(lived), _head(lived)) == []


def test_a_journal_that_was_cut_back(lived: Path) -> None:
    head, opened = _head(lived), _number(lived, "audit-opened")
    edit(
        lived,
        f"DELETE FROM journal WHERE number >= {opened}; DELETE FROM audit WHERE id = 5;"
        "DELETE FROM audit_item WHERE audit_id = 5;"
        "UPDATE journal_head SET (number, hash) = (SELECT number, hash FROM journal ORDER BY number DESC LIMIT 1)",
    )
    assert check(lived) == []  # what follows from what is left is all there: only a head can tell
    (fault,) = check(lived, head)
    assert (
        fault.message
        == f"the journal was cut back: nas knows its link {head.number}, seen there at 2026-05-01T00:00:00.000000Z"
    )


def test_a_journal_that_was_written_anew(lived: Path) -> None:
    early, late = _head(lived, 3), _head(lived)
    edit(lived, lambda connection: _rehash(connection, _set(reason="sold"), _number(lived, "package-removed")))
    assert check(lived, early) == []
    (fault,) = check(lived, early, late)
    assert fault.where == "journal"
    assert "was written anew: nas knows another link" in fault.message


# --- a file that SQLite itself cannot read


def test_a_damaged_page_is_a_fault(lived: Path) -> None:
    edit(lived, "PRAGMA wal_checkpoint(TRUNCATE); UPDATE catalog SET last_token = last_token + 1")
    with closing(sqlite3.connect(lived)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'finding'").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with lived.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    faults = check(lived)
    assert any(one.where in ("catalog", "finding") for one in faults), told(faults)


def test_the_catalog_may_be_worked_with_meanwhile(held: Held) -> None:
    walk = held.catalog.check()
    edit(held.path, "UPDATE copy SET damage = 1 WHERE id = 1; UPDATE copy SET damage = 1 WHERE id = 2")
    assert next(walk).where == "copy"
    held.commit(0, START + timedelta(days=1))
    assert [one.where for one in walk] == ["copy"]


def test_it_can_be_left_in_the_middle(held: Held) -> None:
    edit(held.path, "UPDATE copy SET damage = 1")
    walk = held.catalog.check()
    assert next(walk).where == "copy"
    walk.close()  # type: ignore[attr-defined]
    assert len(list(held.catalog.check())) == 2

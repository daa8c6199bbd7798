"""Copies of the catalog, and older catalogs brought up to date: whole, or as before, at whatever moment it ends."""

import multiprocessing
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch
from uuid import UUID

import pytest
from alembic import command
from alembic.config import Config

from preserve.catalog import backing, opening
from preserve.catalog.backing import take_snapshot, verified
from preserve.catalog.catalog import Catalog
from preserve.catalog.database import APPLICATION_ID, Database
from preserve.errors import CatalogError, UndeterminedError
from tests.unit.preserve.catalog.builders import START, Held, dump


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def old_catalog(folder: Path) -> Path:
    """A catalog of revision 0001 with a history: a package, two replicas, two copies with their checks."""
    with patch.object(backing, "verified", backing.verified):
        held = Held(folder)
    held.catalog.close()
    path = folder / "old.sqlite"
    database = Database(path, create=True)
    with database.bare() as connection:
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")
    with database.writing() as connection:
        config = Config()
        config.set_main_option("script_location", "preserve.catalog:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    database.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("ATTACH ? AS new", (str(held.path),))
        with connection:
            names = [row[0] for row in connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")]
            for name in set(names) - {"alembic_version"}:
                columns = ", ".join(row[1] for row in connection.execute(f"PRAGMA main.table_info({name})"))
                connection.execute(f"INSERT INTO main.{name} ({columns}) SELECT {columns} FROM new.{name}")
    return path


def test_a_snapshot_of_a_catalog_in_use_is_the_same_catalog(held: Held, tmp_path: Path) -> None:
    made = take_snapshot(str(held.path).encode(), bytes(tmp_path / "copy"))
    assert (made.number, made.hash) == held.catalog.head() and made.catalog == held.catalog.uuid()
    assert made.size_bytes == (tmp_path / "copy").stat().st_size and made == verified(made.path)
    assert dump(tmp_path / "copy") == held.dump()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("copy")) == ["copy"]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE journal SET body = '{}' WHERE number = 3", "does not hold at link 3"),
        ("DELETE FROM journal WHERE number = (SELECT max(number) FROM journal)", "does not hold"),
        ("PRAGMA application_id = 7", "is not a catalog"),
        ("CREATE TRIGGER t AFTER INSERT ON journal BEGIN SELECT 1; END", "a trigger"),
        ("CREATE VIEW v AS SELECT 1", "a view"),
        ("CREATE VIRTUAL TABLE f USING fts5(x)", "virtual table"),
        ("DELETE FROM journal_head", "does not say what it is"),
        ("DROP TABLE catalog", "does not say what it is"),
        ("UPDATE catalog SET uuid = 'no'", "does not say what it is"),
    ],
)
def test_what_is_no_whole_catalog_is_no_backup(held: Held, tmp_path: Path, statement: str, said: str) -> None:
    held.catalog.close()
    change(held.path, "PRAGMA foreign_keys = OFF", statement)
    before = held.path.read_bytes()
    with pytest.raises(CatalogError, match=said):
        verified(bytes(held.path))
    assert held.path.read_bytes() == before


def test_a_damaged_page_is_found_and_leaves_no_copy(held: Held, tmp_path: Path) -> None:
    held.catalog.close()
    content = bytearray(held.path.read_bytes())
    content[5 * 4096 : 6 * 4096] = b"\xa5" * 4096
    held.path.write_bytes(content)
    with pytest.raises(CatalogError):
        take_snapshot(bytes(held.path), bytes(tmp_path / "copy"))
    assert not (tmp_path / "copy").exists()


def test_a_full_disk_is_said_and_leaves_nothing(held: Held, tmp_path: Path) -> None:
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    (tmp_path / "copy").write_bytes(b"half")
    with patch.object(backing, "_copy", side_effect=full), pytest.raises(UndeterminedError, match="disk is full"):
        take_snapshot(bytes(held.path), bytes(tmp_path / "copy"))
    assert not (tmp_path / "copy").exists()


def test_the_last_backup_and_whether_the_journal_grew(held: Held) -> None:
    assert held.catalog.last_backed_up() is None
    body = {"replica": str(UUID(int=1)), "file": "x", "sha256": "00", "head": held.catalog.head()[0]}
    held.catalog.record_of_itself(backing.BACKED_UP, body, START)
    held.catalog.record_of_itself(backing.BACKED_UP, body, START)
    last = held.catalog.last_backed_up()
    assert last is not None and last.at == START and not last.journal_grew
    held.catalog.add_replica(UUID(int=9), "third", START)
    last = held.catalog.last_backed_up()
    assert last is not None and last.journal_grew


def test_an_old_catalog_is_copied_then_brought_up_to_date(tmp_path: Path) -> None:
    path = old_catalog(tmp_path)
    before = verified(bytes(path))
    with Catalog.open(path) as catalog:
        assert catalog.verify_journal() is None
        (package,) = catalog.packages()
        assert len(catalog.copies()) == 2 and all(copy.oldest_read_at for copy in catalog.copies())
        links = list(catalog.journal_of(package.id))
        assert [link.kind for link in links if link.kind != "check"] == [
            "package-added",
            "copy-recorded",
            "copy-recorded",
        ]
        assert (
            len(list(catalog.journal_of(package.id, "copy-recorded"))) == 2
        )  # out of `event`, filled from the journal
        *_, last = catalog.journal()
        assert last.kind == "catalog-migrated"
    kept = verified(bytes(tmp_path / "old.sqlite.before-0003"))
    assert (kept.revision, kept.number, kept.hash) == ("0001", before.number, before.hash)
    assert kept.sha256.hex().encode() in last.body
    with Catalog.open(path) as catalog:
        assert catalog.head()[0] == last.number  # once


def test_a_migration_that_ends_half_way_changes_nothing_and_is_done_by_the_next(tmp_path: Path) -> None:
    path = old_catalog(tmp_path)
    before = dump(path)
    for place in ("take_snapshot", "_migrate", "append"):
        with patch.object(opening, place, side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
            Catalog.open(path)
        assert dump(path) == before
    (tmp_path / "old.sqlite.before-0003.partial").write_bytes(b"half")
    Catalog.open(path).close()
    assert verified(bytes(path)).revision == "0003"
    assert not (tmp_path / "old.sqlite.before-0003.partial").exists()


def _open(path: Path, gate: object) -> None:
    gate.wait()  # type: ignore[attr-defined]
    Catalog.open(path).close()


def test_of_two_processes_one_migrates_and_the_other_finds_it_done(tmp_path: Path) -> None:
    path = old_catalog(tmp_path)
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(2)
    both = [context.Process(target=_open, args=(path, gate)) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join(60)
        assert each.exitcode == 0
    with Catalog.open(path) as catalog:
        assert [link.kind for link in catalog.journal()].count("catalog-migrated") == 1


def test_a_time_in_the_journal_is_aware(held: Held) -> None:
    body = {"head": 1}
    held.catalog.record_of_itself(backing.BACKED_UP, body, datetime(2026, 5, 1, tzinfo=UTC))
    last = held.catalog.last_backed_up()
    assert last is not None and last.at.tzinfo is not None

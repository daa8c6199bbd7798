"""Making and opening catalogs: what cannot be opened is named, with a way out, and left alone."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from preserve.catalog import database, schema
from preserve.catalog.catalog import Catalog
from preserve.errors import CatalogError, UnreadableError
from tests.unit.preserve.catalog.builders import START


def refused(path: Path) -> CatalogError:
    with pytest.raises(CatalogError) as caught:
        Catalog.open(path).packages()
    assert caught.value.remedy
    return caught.value


def test_a_missing_catalog_is_not_made_in_passing(tmp_path: Path) -> None:
    assert "no catalog" in refused(tmp_path / "none").message
    assert not (tmp_path / "none").exists()


def test_a_text_file_is_not_a_catalog(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are notes " * 500)
    assert "is not a catalog" in refused(path).message
    assert path.read_text() == "these are notes " * 500


def test_another_programs_database_is_not_a_catalog(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE mine (x)")
    before = path.read_bytes()
    assert "is not a catalog" in refused(path).message
    assert path.read_bytes() == before


def test_an_empty_file_is_not_a_catalog(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert "is not a catalog" in refused(tmp_path / "empty").message


def test_a_folder_is_not_a_catalog(tmp_path: Path) -> None:
    refused(tmp_path)


def test_a_newer_programs_catalog_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "catalog"
    Catalog.create(path, START).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()
    assert "newer program (revision 9999)" in refused(path).message
    assert path.read_bytes() == before


def test_nothing_is_overwritten_by_a_new_catalog(tmp_path: Path) -> None:
    path = tmp_path / "catalog"
    path.write_text("precious")
    with pytest.raises(CatalogError, match="is there already"):
        Catalog.create(path)
    assert path.read_text() == "precious"


def test_a_catalog_in_a_folder_that_is_not_there_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="cannot be opened"):
        Catalog.create(tmp_path / "none" / "catalog")


def test_a_damaged_catalog_says_so(tmp_path: Path) -> None:
    path = tmp_path / "catalog"
    Catalog.create(path, START).close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    assert "is damaged" in refused(path).message


def test_a_catalog_that_another_program_writes_to_is_waited_for_and_then_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    with Catalog.create(tmp_path / "catalog", START) as catalog:
        with closing(sqlite3.connect(tmp_path / "catalog", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert catalog.packages() == []  # reading goes on
            with pytest.raises(CatalogError, match="in use by another program"):
                catalog.claim_leadership("me", START, 10)
            other.execute("ROLLBACK")
        assert catalog.claim_leadership("me", START, 10)


def test_every_connection_is_durable_and_keeps_references(tmp_path: Path) -> None:
    with Catalog.create(tmp_path / "catalog", START) as catalog, catalog.reading() as connection:
        asked = ("journal_mode", "synchronous", "foreign_keys")
        assert [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked] == ["wal", 2, 1]


def test_opening_a_current_catalog_does_not_import_alembic(tmp_path: Path) -> None:
    path = tmp_path / "catalog ?#%41"
    Catalog.create(path, START).close()
    script = (
        "import sys; from preserve.catalog.catalog import Catalog\n"
        "with Catalog.open(sys.argv[1]) as catalog: catalog.packages()\n"
        "assert not [name for name in sys.modules if name.startswith('alembic')]"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=True, cwd=Path(__file__).parents[4])


def test_rows_do_not_import_sqlalchemy() -> None:
    script = "import sys, preserve.catalog.rows; assert 'sqlalchemy' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[4])


def test_the_migrations_make_the_tables_that_the_queries_see(tmp_path: Path) -> None:
    path = tmp_path / "catalog"
    Catalog.create(path, START).close()
    engine = create_engine(f"sqlite:///{tmp_path / 'model'}")
    schema.metadata.create_all(engine)
    engine.dispose()
    made = _definitions(path)
    del made["alembic_version"]
    assert made == _definitions(tmp_path / "model")


def _definitions(path: Path) -> dict[str, object]:
    """Each table's columns, keys and references, and each index, however they came to be written."""
    with closing(sqlite3.connect(path)) as connection:
        made: dict[str, object] = {}
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            columns = {row[1:] for row in connection.execute(f"PRAGMA table_xinfo({table})")}
            links = {row[2:] for row in connection.execute(f"PRAGMA foreign_key_list({table})")}
            unique = {
                tuple(name for _, _, name in connection.execute(f"PRAGMA index_info({index})"))
                for _, index, is_unique, *_ in connection.execute(f"PRAGMA index_list({table})").fetchall()
                if is_unique
            }
            (options,) = connection.execute("SELECT wr FROM pragma_table_list WHERE name = ?", (table,)).fetchone()
            made[table] = columns, links, unique, options
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
        made |= {name: " ".join(sql.split()) for name, sql in rows}
        return made


@pytest.mark.parametrize("revision", ["0001", "0002"])
def test_a_revision_that_does_not_fit_the_tables_was_written_by_hand(tmp_path: Path, revision: str) -> None:
    path = tmp_path / "catalog"
    Catalog.create(path, START).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    before = path.read_bytes()
    error = refused(path)
    assert f"says that it is of revision {revision}, and its tables are those of 0003" in error.message
    assert "catalog rebuild" in error.remedy
    assert path.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir() if ".before-" in each.name) == []


def test_a_catalog_that_was_moved_away_or_replaced_is_told_and_neither_read_nor_written(tmp_path: Path) -> None:
    """SQLite goes on with the file it has, which nobody finds any more: what is recorded there is lost."""
    path, aside = tmp_path / "catalog", tmp_path / "aside"
    Catalog.create(path, START).close()
    with Catalog.open(path) as catalog:
        number, _ = catalog.head()
        path.rename(aside)
        for replaced in (False, True):
            if replaced:
                path.write_bytes(aside.read_bytes())
            with pytest.raises(UnreadableError, match="moved away or replaced"):
                catalog.packages()
            with pytest.raises(UnreadableError, match="moved away or replaced"):
                catalog.record_of_itself("self-test", {}, START)
        aside.replace(path)
        assert catalog.head()[0] == number
        catalog.record_of_itself("self-test", {}, START)
        assert catalog.head()[0] == number + 1


@pytest.mark.parametrize("locked", ["catalog", "folder"])
def test_a_catalog_in_which_nobody_may_write_is_told_to_be_read_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locked: str
) -> None:
    path = tmp_path / "folder" / "catalog"
    path.parent.mkdir()
    Catalog.create(path, START).close()
    (tmp_path / "folder" / "catalog-wal").mkdir()  # SQLite cannot make its own there, as on a read-only disk
    assert "is read-only" not in refused(path).message
    asked = os.access
    monkeypatch.setattr(os, "access", lambda at, mode: os.path.basename(at) != locked.encode() and asked(at, mode))
    error = refused(path)
    assert f"its {'file' if locked == 'catalog' else 'folder'} is read-only" in error.message
    assert "copy the catalog" in error.remedy

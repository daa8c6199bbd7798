"""Catalogs as an older program made them."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config

from preserve.catalog.database import APPLICATION_ID, Database


def made_old(path: Path, revision: str = "0001") -> None:
    """Puts a catalog of that revision, with the same rows, in the place of one that nobody has open."""
    old = path.with_name("old.sqlite")
    _empty(old, revision)
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("ATTACH ? AS new", (str(path),))
        with connection:
            names = [row[0] for row in connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")]
            for name in set(names) - {"alembic_version"}:
                columns = ", ".join(row[1] for row in connection.execute(f"PRAGMA main.table_info({name})"))
                connection.execute(f"INSERT INTO main.{name} ({columns}) SELECT {columns} FROM new.{name}")
    os.replace(old, path)


def _empty(path: Path, revision: str) -> None:
    database = Database(path, create=True)
    with database.bare() as connection:
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")
    with database.writing() as connection:
        config = Config()
        config.set_main_option("script_location", "preserve.catalog:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    database.close()

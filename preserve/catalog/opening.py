"""Making a catalog, opening one, and bringing an older one up to date."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from os.path import isfile, lexists
from uuid import uuid4

from sqlalchemy import Connection, insert, inspect

from checks.names import show
from preserve.catalog import schema
from preserve.catalog.backing import take_snapshot
from preserve.catalog.database import APPLICATION_ID, Database
from preserve.catalog.journal import Chain, append, begin_journal
from preserve.errors import CatalogError, UnreadableError
from preserve.stores.durable import sync_directory, writing

REVISIONS = ("0001", "0002", "0003")  # all that there were, in order; the last is what this program works with


_BROUGHT = {"0002": ("package", "removed_at"), "0003": ("audit", "reason")}  # a column that came with each


def create_database(database: Database, at: datetime) -> None:
    """Fills a database, whose path must be free, with an empty catalog; CatalogError if that cannot be."""
    name = show(database.path)
    if lexists(database.path):
        raise CatalogError(f"{name} is there already", remedy="Open it, or choose another path.")
    with _closed_on_error(database):
        with database.bare() as connection:
            connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
            mode = connection.exec_driver_sql("PRAGMA journal_mode = WAL").scalar()
        if mode != "wal":
            raise CatalogError(
                f"{name}: this file system cannot hold a catalog (no write-ahead log)",
                remedy="Put the catalog on a local disk.",
            )
        with database.writing() as connection:
            _migrate(connection)
            _begin(connection, at)


def prepare_database(database: Database) -> None:
    """Brings a catalog up to date; CatalogError if it is missing, no catalog, or from a newer program.

    What a newer program made is left as it is. Of an older one a verified copy is kept beside it before it is touched:
    `<its name>.before-<the new revision>`; UndeterminedError if there is no room for that.
    """
    name = show(database.path)
    if not isfile(database.path):
        raise CatalogError(
            f"there is no catalog at {name}",
            remedy="If there was one: `preserve catalog rebuild`, see docs/disaster.md. If not: `preserve init`.",
        )
    with _closed_on_error(database):
        with database.reading() as connection:
            revision = _revision(connection)
        if revision is None:
            raise CatalogError(f"{name} is not a catalog", remedy="Give the catalog's own file.")
        if revision not in REVISIONS:
            raise CatalogError(
                f"the catalog {name} was made by a newer program (revision {revision}); it was left as it is",
                remedy="Use that program, or update this one.",
            )
        if revision != REVISIONS[-1]:
            _refuse_misnamed(database, revision)
            _bring_up_to_date(database)


def _refuse_misnamed(database: Database, revision: str) -> None:
    """A catalog with newer columns is not of an older revision: somebody wrote that down by hand."""
    with database.reading() as connection:
        look = inspect(connection)
        newer = [
            brought
            for brought, (table, name) in _BROUGHT.items()
            if brought > revision and look.has_table(table) and name in {one["name"] for one in look.get_columns(table)}
        ]
    if newer:
        raise UnreadableError(
            f"the catalog {show(database.path)} says that it is of revision {revision}, and its tables are those of "
            f"{newer[-1]}: somebody changed it, and it was left as it is",
            remedy="Make it again with `preserve catalog rebuild`; see docs/disaster.md.",
        )


def _bring_up_to_date(database: Database) -> None:
    """One process migrates, in one transaction; another waits for its write lock and finds it done.

    A killed one leaves the catalog as it was, and maybe the copy: then that is of the same state, or of an older one.
    """
    with database.writing() as connection:
        revision, newest = _revision(connection), REVISIONS[-1]
        if revision == newest:
            return
        kept = database.path + b".before-" + newest.encode()
        # Nothing was written under this lock yet, so the copy is of what is going to be migrated.
        copied = take_snapshot(database.path, kept + b".partial")
        with writing(kept):
            os.replace(copied.path, kept)
            sync_directory(os.path.dirname(os.path.abspath(kept)))
        _migrate(connection)
        body = {"from": revision, "to": newest, "backup": copied.sha256.hex()}
        append(connection, "catalog-migrated", datetime.now(UTC), body)


@contextmanager
def _closed_on_error(database: Database) -> Iterator[None]:
    try:
        yield
    except BaseException:
        database.close()
        raise


def _revision(connection: Connection) -> str | None:
    """What Alembic wrote down. Asked without Alembic, whose import costs more than opening a catalog."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if found is None else str(found)


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "preserve.catalog:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _begin(connection: Connection, at: datetime) -> None:
    uuid = uuid4()
    connection.execute(insert(schema.catalog).values(id=1, uuid=uuid, created_at=at, last_token=0))
    begin_journal(connection)
    chain = Chain(connection)
    chain.add("catalog-created", at, {"catalog": str(uuid), "revision": REVISIONS[-1]})
    chain.write()

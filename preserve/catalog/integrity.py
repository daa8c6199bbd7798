"""Whether somebody changed the catalog's file behind the program's back: everything is computed again and compared."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import partial
from sqlite3 import Error as SQLiteError
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from checks.names import show
from preserve.catalog import schema
from preserve.catalog.database import Database, translated
from preserve.catalog.known import Known
from preserve.catalog.linking import Linking
from preserve.catalog.projections import CHECKS, PROJECTIONS
from preserve.catalog.recordcheck import record_faults
from preserve.catalog.replaying import Replay
from preserve.catalog.rows import Fault, Head
from preserve.catalog.scratch import Scratch, Statement, blames_content, driver
from preserve.errors import CatalogError
from preserve.progress import Progress, Silent

_PAGE = 1000
_LINKS = "SELECT number, kind, previous, body, hash FROM journal WHERE number > ? ORDER BY number LIMIT ?"
_HEAD = "SELECT number, hash FROM journal_head WHERE id = 1"
_BEFORE_ALL = -(1 << 63)


class Integrity(Database):
    """Checking the catalog itself."""

    def check(self, heads: Iterable[Head] = (), progress: Progress | None = None) -> Iterator[Fault]:
        """Every place where the catalog is not what its journal says, as it is found; nothing is written to it.

        One state of the catalog is looked at, however long it takes; work on it may go on meanwhile.

        Args:
            heads: ends of the journal as they were seen outside the catalog. Without any, a journal that was cut
                back, or written anew as a whole with everything that follows from it, cannot be told from a true one.
        """
        progress = progress or Silent()
        with closing(Scratch(self.path)) as scratch, scratch.beside() as connection:
            run = driver(connection).execute
            replay = Replay(connection)
            for stage in (
                lambda: _file_faults(run),
                lambda: _journal_faults(run, replay, heads, progress),
                lambda: _inventory_faults(run, replay.known, progress),
                lambda: _projection_faults(run, replay, progress),
            ):
                for fault in _readable(stage):
                    progress.found()
                    yield fault


def refuse_changed(path: bytes) -> None:
    """CatalogError, with the first fault, unless what stands in a catalog at rest follows from its journal."""
    with translated(path), closing(Integrity(path)) as catalog:
        fault = next(catalog.check(), None)
    if fault is not None:
        link = "" if fault.number is None else f" (link {fault.number})"
        raise CatalogError(f"it is not what its journal says: {fault.where}{link}: {fault.message}")


def _readable(stage: Callable[[], Iterator[Fault]], where: str = "catalog") -> Iterator[Fault]:
    """What a stage finds. What cannot be read because of what was done to the file is a fault as well."""
    try:
        yield from stage()
    except (SQLiteError, SQLAlchemyError) as error:
        if not blames_content(error):
            raise
        cause = show(str(getattr(error, "orig", None) or error).encode("utf-8", "replace"))
        yield Fault(where=where, number=None, message=f"this cannot be read any further: {cause}")


def _file_faults(run: Statement) -> Iterator[Fault]:
    """What SQLite itself can say of the file."""
    yield from _readable(lambda: _schema_faults(run))
    for (said,) in run("PRAGMA kept.integrity_check"):
        if said != "ok":
            yield Fault(where="catalog", number=None, message=f"the file is damaged: {_text(said)}")
    for table, row, parent, _ in run("PRAGMA kept.foreign_key_check"):
        message = f"a row of `{_text(table)}` ({row}) speaks of a row of `{_text(parent)}` that is not there"
        yield Fault(where=_text(table), number=None, message=message)


def _schema_faults(run: Statement) -> Iterator[Fault]:
    """Tables and indexes, and nothing that could change what is written: no trigger, no view."""
    tables = schema.metadata.tables
    should = {(str(index.name), "index") for table in tables.values() for index in table.indexes}
    should |= {(name, "table") for name in (*tables, "alembic_version")}
    there = {(name, kind) for name, kind in run("SELECT name, type FROM kept.sqlite_master")}
    for lost, kind in sorted(should - there, key=str):
        yield Fault(where="catalog", number=None, message=f"the {kind} `{lost}` is gone")
    for more, kind in sorted(there - should, key=str):
        if not str(more).startswith("sqlite_"):  # SQLite's own
            message = f"there is a {_text(kind)} `{_text(more)}` that the program did not make"
            yield Fault(where="catalog", number=None, message=message)
    for name, table in tables.items():
        columns = [column for _, column, *_ in run(f"PRAGMA kept.table_info({name})")]
        unlike = set(columns) ^ set(table.columns.keys()) if columns else set()
        for column in sorted(unlike):
            message = f"its column `{_text(column)}` is {'one too many' if column in columns else 'gone'}"
            yield Fault(where=name, number=None, message=message)


def _journal_faults(run: Statement, replay: Replay, heads: Iterable[Head], progress: Progress) -> Iterator[Fault]:
    """The chain, and the checks, which are too many to be held: they are compared as the journal is walked."""
    (links,) = run("SELECT count(*) FROM journal").fetchone()
    progress.stage("journal", files=links)
    linking, checks, last = Linking(heads), _Checks(run, replay.known), _BEFORE_ALL
    while page := run(_LINKS, (last, _PAGE)).fetchall():
        for link in page:
            last, kind, _, body, _ = link
            yield from linking.follow(link)
            row = replay.take(last, kind, body)
            yield from _drained(replay.faults)
            yield from checks.compare(last, row)
        progress.advance(files=len(page))
    yield from linking.end(run(_HEAD).fetchone())
    yield from checks.rest()
    replay.finish()
    yield from _drained(replay.faults)


def _drained(faults: list[Fault]) -> Iterator[Fault]:
    yield from faults
    faults.clear()


class _Checks:
    """The rows of `shard_check`, read beside the journal."""

    def __init__(self, run: Statement, known: Known) -> None:
        self._known = known
        self._rows = CHECKS.rows(run, "kept")
        self._next = next(self._rows, None)

    def compare(self, number: int, expected: tuple[Any, ...] | None) -> Iterator[Fault]:
        """The row of that link, and those before it that no link speaks of."""
        while self._next is not None and self._next[0] < number:
            yield from self._made_up()
        if self._next is not None and self._next[0] == number:
            found, self._next = self._next, next(self._rows, None)
            if expected != found:
                yield from CHECKS.told(self._known, expected, found)
        elif expected is not None:
            yield from CHECKS.told(self._known, expected, None)

    def rest(self) -> Iterator[Fault]:
        while self._next is not None:
            yield from self._made_up()

    def _made_up(self) -> Iterator[Fault]:
        yield from CHECKS.told(self._known, None, self._next)
        self._next = next(self._rows, None)


def _inventory_faults(run: Statement, known: Known, progress: Progress) -> Iterator[Fault]:
    (files,) = run("SELECT coalesce(sum(files), 0) FROM main.inventory").fetchone()
    progress.stage("inventories", files=files)
    yield from record_faults(run, known, progress)


def _projection_faults(run: Statement, replay: Replay, progress: Progress) -> Iterator[Fault]:
    progress.stage("tables", files=len(PROJECTIONS))
    for projection in PROJECTIONS:
        yield from _readable(partial(projection.faults, run, replay.known), projection.table)
        progress.advance(files=1)
    yield from _readable(replay.audits.item_faults, "audit_item")


def _text(value: object) -> str:
    return show(str(value).encode("utf-8", "surrogateescape"))

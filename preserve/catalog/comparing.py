"""Tables as the journal makes them against the tables as they stand: two walks in the same order, row by row."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from checks.names import show
from preserve.catalog.known import Known
from preserve.catalog.moments import moment_of, text_of
from preserve.catalog.rows import Fault
from preserve.catalog.scratch import Statement
from preserve.errors import UnreadableError

Row = tuple[Any, ...]
Pair = tuple[Row | None, Row | None]

_NOTHING = "no such row"


@dataclass(frozen=True, slots=True)
class Projection:
    """How one table is compared.

    Attributes:
        key: how many of the columns, from the first, tell rows apart.
        name: what a row is to people.
        link: which column holds the number of the link that brought the row in, if one does.
    """

    table: str
    columns: tuple[str, ...]
    key: int
    name: Callable[[Known, Row], str]
    link: int | None = None
    where: str = ""
    read: Mapping[str, str] = field(default_factory=dict)  # column -> what is read in its place

    def rows(self, run: Statement, schema: str) -> Iterator[Row]:
        """The rows in order of their keys, as they are stored."""
        read = ", ".join(self.read.get(name, name).format(schema=schema) for name in self.columns)
        order = ", ".join(str(place) for place in range(1, self.key + 1))
        where = self.where.format(schema=schema)
        yield from run(f"SELECT {read} FROM {schema}.{self.table} AS t {where} ORDER BY {order}")

    def faults(self, run: Statement, known: Known) -> Iterator[Fault]:
        """Every row that is missing, made up or changed."""
        for expected, found in paired(self.rows(run, "main"), self.rows(run, "kept"), self.key):
            yield from self.told(known, expected, found)

    def told(self, known: Known, expected: Row | None, found: Row | None) -> Iterator[Fault]:
        """What to say of two rows of one key that are not equal."""
        row = expected or found or ()
        number = row[self.link] if self.link is not None and isinstance(row[self.link], int) else None
        name = self.name(known, row)
        if found is None:
            message = f"{name} is not in the catalog any more"
            yield Fault(where=self.table, number=number, message=message, expected=self._row(row), found=_NOTHING)
        elif expected is None:
            message = f"{name} stands in the catalog, and nothing in the journal says so"
            yield Fault(where=self.table, number=number, message=message, expected=_NOTHING, found=self._row(row))
        else:
            for column, there, here in zip(self.columns, expected, found, strict=True):
                if rank(there) != rank(here):
                    yield Fault(
                        where=self.table,
                        number=number,
                        message=f"{name}: `{column}` is not what the journal says",
                        expected=shown(column, there),
                        found=shown(column, here),
                    )

    def _row(self, row: Row) -> str:
        told = zip(self.columns, row, strict=True)
        return ", ".join(f"{column} {shown(column, value)}" for column, value in told if value is not None)


def paired(expected: Iterable[Row], found: Iterable[Row], key: int) -> Iterator[Pair]:
    """The rows that differ, by key; both walks are in the order of SQLite. Nothing is said of equal rows."""
    left, right = iter(expected), iter(found)
    one, other = next(left, None), next(right, None)
    while one is not None or other is not None:
        before = 0 if one == other else _order(one, other, key)
        # Equal to Python is not equal to SQLite: 1 and 1.0, or True.
        if before or (one is not None and other is not None and ranks(one) != ranks(other)):
            yield (one if before <= 0 else None, other if before >= 0 else None)
        one = next(left, None) if before <= 0 else one
        other = next(right, None) if before >= 0 else other


def _order(one: Row | None, other: Row | None, key: int) -> int:
    """Below, at or above 0: which of the two comes first."""
    if one is None or other is None:
        return 1 if one is None else -1
    first, second = ranks(one[:key]), ranks(other[:key])
    return (first > second) - (first < second)


def ranks(row: Row) -> list[tuple[int, Any]]:
    return [rank(value) for value in row]


def rank(value: object) -> tuple[int, Any]:
    """A stored value in the order of SQLite: nothing, numbers, text, bytes. Anybody may have put in anything."""
    if value is None:
        return 0, 0
    if isinstance(value, int | float):
        return 1, value
    return (2, value.encode("utf-8", "surrogateescape")) if isinstance(value, str) else (3, value)


def shown(column: str, value: object) -> str:
    """A stored value for people."""
    if value is None:
        return "nothing"
    if isinstance(value, bytes):
        return show(value) if column in ("path", "location", "source") else value.hex()
    if isinstance(value, int) and (column.endswith("_at") or column == "not_before"):
        try:
            return text_of(moment_of(value))
        except (UnreadableError, ValueError):
            return str(value)
    return show(str(value).encode("utf-8", "surrogateescape"))

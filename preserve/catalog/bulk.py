"""Many rows at once: raw `executemany` on Core's connection, and sets of pairs as one parameter."""

import json
from collections.abc import Iterable, Sequence
from functools import cache

from sqlalchemy import ColumnElement, Connection, Insert, Integer, Table, bindparam, func
from sqlalchemy.sql.selectable import TableValuedAlias

Value = int | str | bytes | None


def insert_rows(
    connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[Value, ...]]
) -> None:
    """Inserts tuples as the database stores them (times in microseconds, UUIDs as hex): three times Core's speed."""
    if rows:
        connection.exec_driver_sql(_insertion(table.name, columns), list(rows))


@cache
def _insertion(table: str, columns: tuple[str, ...]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


def new_id(connection: Connection, insertion: Insert) -> int:
    """Inserts one row and gives its number."""
    key = connection.execute(insertion).inserted_primary_key
    assert key is not None  # only ever None for many rows
    return int(key[0])


def pairs_given(name: str = "pairs") -> TableValuedAlias:
    """A table of pairs of numbers, bound as one parameter of that name by `as_pairs`.

    SQLite scans the whole table for `(a, b) IN (VALUES …)`; a join with this one uses the key.
    """
    return func.json_each(bindparam(name)).table_valued("value", name=name)


def first_of(pairs: TableValuedAlias) -> ColumnElement[int]:
    return func.json_extract(pairs.c.value, "$[0]", type_=Integer)


def second_of(pairs: TableValuedAlias) -> ColumnElement[int]:
    return func.json_extract(pairs.c.value, "$[1]", type_=Integer)


def as_pairs(pairs: Iterable[tuple[int, int]]) -> str:
    """Pairs as the parameter that `pairs_given` expects."""
    return json.dumps(list(pairs), separators=(",", ":"))

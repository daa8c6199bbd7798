"""Many rows at once: raw `executemany` on Core's connection, and lists and pairs as one parameter."""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    FromClause,
    Insert,
    Integer,
    Result,
    Table,
    and_,
    bindparam,
    func,
    literal,
    select,
)

Value = int | str | bytes | None
Row_ = TypeVar("Row_")


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


def rows_as(kind: type[Row_], result: Result[*tuple[Any, ...]]) -> list[Row_]:
    """A result's rows as values of that class, whose fields its columns are named after."""
    names = tuple(result.keys())
    return [kind(**dict(zip(names, row, strict=True))) for row in result]


def among(column: ColumnElement[Any], values: Iterable[int | str] | BindParameter[Any]) -> ColumnElement[bool]:
    """Whether a column is one of these, however many: one parameter, where `IN (?, ?, …)` is limited to 32,766.

    A statement that is built once takes a `bindparam` here, filled by `as_list`.
    """
    bound = values if isinstance(values, BindParameter) else literal(as_list(values))
    return column.in_(select(func.json_each(bound).table_valued("value").c.value))


def as_list(values: Iterable[int | str]) -> str:
    """The parameter that `among` expects."""
    return json.dumps(list(values), separators=(",", ":"))


def matching(table: Table, *also: ColumnElement[bool]) -> FromClause:
    """A table's rows for pairs of (copy, shard), which are bound as the parameter `pairs` by `as_pairs`.

    SQLite scans the whole table for `(a, b) IN (VALUES …)`, and may begin an inner join at the wrong end. An outer
    join begins with the pairs and uses the key; in return, a pair without a row gives a row of NULLs.
    """
    pairs = func.json_each(bindparam("pairs")).table_valued("value", name="pairs")
    copy_id = func.json_extract(pairs.c.value, "$[0]", type_=Integer)
    shard_id = func.json_extract(pairs.c.value, "$[1]", type_=Integer)
    return pairs.outerjoin(table, and_(table.c.copy_id == copy_id, table.c.shard_id == shard_id, *also))


def as_pairs(pairs: Iterable[tuple[int, int]]) -> dict[str, str]:
    """The parameter that `matching` expects."""
    return {"pairs": json.dumps(list(pairs), separators=(",", ":"))}

"""Many rows at once, each at most once: COPY and an upsert on PostgreSQL, one upsert on SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Connection, Table
from sqlalchemy.dialects import sqlite

from newstide.store.schema import Row


def insert_new(connection: Connection, table: Table, rows: Sequence[Row], key: Sequence[str]) -> list[tuple[Any, ...]]:
    """Insert the rows whose key is not there yet; returns the keys that are new. The first of equal rows wins."""
    if not rows:
        return []
    if connection.dialect.name == "postgresql":
        return _copy_new(connection, table, rows, key)
    statement = sqlite.insert(table).on_conflict_do_nothing().returning(*(table.c[name] for name in key))
    return [tuple(row) for row in connection.execute(statement, rows)]


def _copy_new(connection: Connection, table: Table, rows: Sequence[Row], key: Sequence[str]) -> list[tuple[Any, ...]]:
    stage, names = _staged(connection, table, rows)
    keys = ", ".join(f'"{name}"' for name in key)
    inserted = connection.exec_driver_sql(
        f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {stage} ON CONFLICT DO NOTHING RETURNING {keys}"  # noqa: S608
    )
    fresh = [tuple(row) for row in inserted]
    connection.exec_driver_sql(f"TRUNCATE {stage}")  # a second batch may follow in the same transaction
    return fresh


def _staged(connection: Connection, table: Table, rows: Sequence[Row]) -> tuple[str, str]:
    """COPY the rows into a table of this transaction; returns its name and the columns, as SQL has them."""
    columns = [table.c[name] for name in rows[0]]
    names = ", ".join(f'"{column.name}"' for column in columns)
    stage = f"stage_{table.name}"
    connection.exec_driver_sql("SET LOCAL client_min_messages = warning")
    # Names come from our own tables, never from data.
    connection.exec_driver_sql(
        f"CREATE TEMP TABLE IF NOT EXISTS {stage} ON COMMIT DELETE ROWS "  # noqa: S608
        f"AS SELECT {names} FROM {table.name} WITH NO DATA"
    )
    processors = [_to_driver(column, connection) for column in columns]
    raw: Any = connection.connection.driver_connection
    with raw.cursor() as cursor, cursor.copy(f"COPY {stage} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row([p(v) if p else v for p, v in zip(processors, row.values(), strict=True)])
    return stage, names


def _to_driver(column: Column[Any], connection: Connection) -> Any:
    return column.type.dialect_impl(connection.dialect).bind_processor(connection.dialect)


def add_up(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Add the numbers of `rows` to the rows with the same key, or make them.

    Each writer takes its locks in the order of the key, so that none waits in a circle: `rows` must come in one order
    that all writers share, which is what SQLite takes; PostgreSQL sorts them itself.
    """
    if not rows:
        return
    key = [column.name for column in table.primary_key]
    numbers = [column.name for column in table.c if column.name not in key]
    if connection.dialect.name != "postgresql":
        statement = sqlite.insert(table)
        sums = {name: table.c[name] + statement.excluded[name] for name in numbers}
        connection.execute(statement.on_conflict_do_update(index_elements=key, set_=sums), rows)
        return
    stage, names = _staged(connection, table, rows)
    keys = ", ".join(f'"{name}"' for name in key)
    added = ", ".join(f'"{name}" = {table.name}."{name}" + excluded."{name}"' for name in numbers)
    connection.exec_driver_sql(
        f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {stage} ORDER BY {keys} "  # noqa: S608
        f"ON CONFLICT ({keys}) DO UPDATE SET {added}"
    )
    connection.exec_driver_sql(f"TRUNCATE {stage}")

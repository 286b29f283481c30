"""Owns what stays the same while nothing new is told of a machine, as SQL: each a step into an index.

They are asked with every prediction, of tables that only grow: of rows that are only ever added the newest id, and of
those that stay when they are no more so, when the last one was taken back. The machine is `wanted.id`.
"""


def added(table: str) -> str:
    """Return the id of a machine's newest row; its index is of machine and id.

    By a range, for of an equal machine PostgreSQL may walk the primary key from its end, past all that others did.
    """
    return f"""
        (SELECT id FROM {table} WHERE machine_id >= wanted.id AND machine_id <= wanted.id
         ORDER BY machine_id DESC, id DESC LIMIT 1)
    """  # noqa: S608 - a table of ours


def taken_back(table: str, column: str) -> str:
    """Return when a row of a machine was taken back last; its index is of machine and column, where that is known."""
    return f"(SELECT max({column}) FROM {table} WHERE machine_id = wanted.id AND {column} IS NOT NULL)"  # noqa: S608 - ours

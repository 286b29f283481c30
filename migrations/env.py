"""Owns how Alembic reaches the database: one connection, one transaction, one process at a time."""

from alembic import context
from sqlalchemy import Connection, create_engine, pool, text

from cloud import console, tables
from cloud.db import driver_url
from cloud.settings import DatabaseSettings

# any constant will do, as long as nothing else of ours locks on it ("tezgah" in ASCII)
MIGRATION_LOCK = 0x74657A676168


def run() -> None:
    """Migrate over what was handed in, a connection or a url; Alembic's own command has the service's database."""
    connection: Connection | None = context.config.attributes.get("connection")
    if connection is not None:
        migrate(connection)
    elif (url := context.config.attributes.get("url")) is not None:
        connect(url)
    else:
        with console.server(DatabaseSettings.from_environment()) as url:
            connect(url)


def connect(url: str) -> None:
    engine = create_engine(driver_url(url), poolclass=pool.NullPool)
    with engine.begin() as opened:
        migrate(opened)


def migrate(connection: Connection) -> None:
    partitions = frozenset(connection.scalars(text("SELECT relname FROM pg_class WHERE relispartition")))
    context.configure(
        connection=connection,
        target_metadata=tables.metadata(),
        compare_type=True,
        compare_server_default=True,
        # partitions are made by the service, one a period, and no model names them
        include_name=lambda name, kind, _: not (kind == "table" and name in partitions),
    )
    with context.begin_transaction():
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        context.run_migrations()


run()

"""Owns the database schema's version: what this code needs, what the database has, and the way between."""

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, MetaData, create_engine, text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import NullPool

import migrations
from cloud import drift, messages
from cloud.db import driver_url, translated
from cloud.errors import NotFound, SchemaMismatch
from shared import logs

log = logs.get(__name__)

REMEDY = "run `tezgah-cloud migrate`"


def head() -> str:
    """Return the revision this code was written for."""
    revision = ScriptDirectory.from_config(configuration()).get_current_head()
    if revision is None:
        raise SchemaMismatch("The installation has no migrations; install tezgah again.")
    return revision


def revision_of(connection: Connection) -> str | None:
    """Return the revision a database is at, or None when it was never migrated."""
    try:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    except ProgrammingError as error:
        if isinstance(error.orig, psycopg.errors.UndefinedTable):
            return None
        raise


def revision_at(url: str) -> str | None:
    """Return the revision of the database at a libpq URL, or None when it was never migrated.

    Raises:
        DatabaseUnavailable: It does not answer.
    """
    engine = create_engine(driver_url(url), poolclass=NullPool, connect_args={"connect_timeout": 5})
    try:
        with engine.connect() as connection:
            return revision_of(connection)
    except DBAPIError as error:
        raise translated(error) or error from error


async def require_head(engine: AsyncEngine) -> str:
    """Return the database's revision if it is the one this code needs.

    Raises:
        SchemaMismatch: It is another; says which and what to run.
    """
    async with engine.connect() as connection:
        found = await connection.run_sync(revision_of)
    check(found)
    return found or ""


async def require_whole(engine: AsyncEngine, metadata: MetaData) -> str:
    """Return the database's revision if it is the one this code needs, and its tables are as that left them.

    Raises:
        SchemaMismatch: They are not; says where, to the log.
    """
    async with engine.connect() as connection:
        return await connection.run_sync(_require_whole, metadata)


def check_at(url: str, metadata: MetaData) -> str:
    """Do the same for the database at a libpq URL.

    Raises:
        DatabaseUnavailable: It does not answer.
        SchemaMismatch: It is not as this code needs it.
    """
    engine = create_engine(driver_url(url), poolclass=NullPool, connect_args={"connect_timeout": 5})
    try:
        with engine.connect() as connection:
            return _require_whole(connection, metadata)
    except DBAPIError as error:
        raise translated(error) or error from error


def _require_whole(connection: Connection, metadata: MetaData) -> str:
    found = revision_of(connection)
    check(found)
    different = drift.differences(connection, metadata)
    for each in different:
        log.warning("schema_differs", difference=str(each), is_harmless=each.is_harmless)
    if any(not each.is_harmless for each in different):
        places = [str(each) for each in different]
        raise SchemaMismatch(messages.SCHEMA_DIFFERS, count=len(places), mismatches=places)
    return found or ""


def check(found: str | None) -> None:
    """Raise SchemaMismatch unless the revision is the one this code needs."""
    needed = head()
    if found == needed:
        return
    if found is None:
        raise SchemaMismatch(f"The database has no schema yet, revision {needed} expected; {REMEDY}.")
    known = {script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions()}
    remedy = REMEDY if found in known else "it was migrated by a newer version, so install that one"
    raise SchemaMismatch(f"The database schema is at revision {found}, {needed} expected; {remedy}.")


def migrate(url: str, revision: str = "head") -> None:
    """Bring a database to a revision; several processes may try at once, and one does it.

    Args:
        url: libpq URL.
        revision: An id, `head`, `base`, or steps back such as `-1`.

    Raises:
        NotFound: There is no such revision.
        DatabaseUnavailable: The database does not answer.
    """
    config = configuration()
    config.attributes["url"] = url
    is_back = revision == "base" or revision.startswith("-") or _is_before(revision, revision_at(url))
    try:
        (command.downgrade if is_back else command.upgrade)(config, revision)
    except CommandError as error:
        raise NotFound(f"There is no revision {revision} of the schema; {head()} is the newest.") from error
    except DBAPIError as error:
        raise translated(error) or error from error


def _is_before(revision: str, other: str | None) -> bool:
    order = [script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions()]
    return revision in order and other in order and order.index(revision) > order.index(other)


def configuration() -> Config:
    """Return Alembic's configuration; `attributes["url"]` says which database."""
    config = Config()
    directory = Path(next(iter(migrations.__path__)))
    # a % in a path would be taken for an interpolation
    config.set_main_option("script_location", str(directory).replace("%", "%%"))
    return config

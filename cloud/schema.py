"""Owns the database schema's version: what this code needs, what the database has, and the way between."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

import migrations
from cloud.errors import SchemaMismatch

REMEDY = "run `tezgah-cloud migrate`"


def head() -> str:
    """Return the revision this code was written for."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise SchemaMismatch("The installation has no migrations; install tezgah again.")
    return revision


def revision_of(connection: Connection) -> str | None:
    """Return the revision a database is at, or None when it was never migrated."""
    return MigrationContext.configure(connection).get_current_revision()


async def require_head(engine: AsyncEngine) -> str:
    """Return the database's revision if it is the one this code needs.

    Raises:
        SchemaMismatch: It is another; says which and what to run.
    """
    async with engine.connect() as connection:
        found = await connection.run_sync(revision_of)
    check(found)
    return found or ""


def check(found: str | None) -> None:
    """Raise SchemaMismatch unless the revision is the one this code needs."""
    needed = head()
    if found == needed:
        return
    if found is None:
        raise SchemaMismatch(f"The database has no schema yet, revision {needed} expected; {REMEDY}.")
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    remedy = REMEDY if found in known else "it was migrated by a newer version, so install that one"
    raise SchemaMismatch(f"The database schema is at revision {found}, {needed} expected; {remedy}.")


def migrate(url: str, revision: str = "head") -> None:
    """Bring a database to a revision; several processes may try at once, and one does it.

    Args:
        url: libpq URL.
        revision: Alembic's: an id, `head`, `base`, or relative like `-1`.
    """
    config = _config()
    config.attributes["url"] = url
    if revision == "base" or revision.startswith("-"):
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)


def _config() -> Config:
    config = Config()
    directory = Path(next(iter(migrations.__path__)))
    # a % in a path would be taken for an interpolation
    config.set_main_option("script_location", str(directory).replace("%", "%%"))
    return config

"""Offline: the buffer file of a gateway that does not run, for the tools; whoever calls holds the gateway's lock.

Looking changes nothing: after an orderly end the file is read with `immutable`, which takes no lock and leaves nothing
behind; after a kill its log has to be read too, for which SQLite makes an index that is removed again.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from edge.buffer import contents, file
from edge.buffer.sqlite import SqliteBuffer
from edge.buffer.upgrade import FORMAT
from edge.clock import Clock
from edge.errors import BufferDamaged, BufferError  # noqa: A004 - the field's word

T = TypeVar("T")
# for deleting and bringing back, whatever the configuration allows for readings
_MOST_BYTES = 1 << 40


class Offline:
    """Looks into the file, and opens it for what changes it.

    Args:
        path: The file.
        clock: Time.

    Raises:
        BufferError: There is none.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        if not path.exists():
            raise BufferError(f"there is no buffer at {path}; `tezgah-edge run` makes it")
        self._path = path
        self._clock = clock

    async def look(self, job: Callable[..., T], *what: object) -> T:
        """Let somebody read: `job` of a connection, the tags, and `what`; see `holdings`.

        Raises:
            BufferError: The file cannot be read, or is not a buffer.
        """
        with _opened(self._path) as db:
            return job(db, contents.tags_of(db), *what)

    async def retry(self, ns: Sequence[int]) -> int:
        """See `edge.live.desk.Quarantine`."""
        async with _Taken(self._path, self._clock) as buffer:
            return await buffer.retry(ns)

    async def drop(self, ns: Sequence[int]) -> int:
        """See `edge.live.desk.Quarantine`."""
        async with _Taken(self._path, self._clock) as buffer:
            return await buffer.drop(ns)


class _Taken:
    """A buffer opened as the gateway would, and closed in order."""

    def __init__(self, path: Path, clock: Clock) -> None:
        with _opened(path) as db:
            state = contents.state_of(db)
        if state is None:
            raise BufferError(f"whose buffer {path} is cannot be read; start the gateway once, then ask again")
        self._opening = SqliteBuffer.open(path, max_bytes=_MOST_BYTES, gateway=state.gateway, clock=clock)

    async def __aenter__(self) -> SqliteBuffer:
        self._buffer = await self._opening
        return self._buffer

    async def __aexit__(self, *_: object) -> None:
        await self._buffer.close()


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    log, index = (path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))
    has_log, had_index = log.exists() and log.stat().st_size > 0, index.exists()
    how = "mode=ro" if has_log else "mode=ro&immutable=1"
    try:
        with file.naming(path), closing(sqlite3.connect(f"file:{quote(str(path))}?{how}", uri=True, timeout=1.0)) as db:
            if db.execute("PRAGMA application_id").fetchone() != (file.APPLICATION_ID,):
                raise BufferError(f"{path} is no buffer of this gateway's; check buffer.path")
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version > FORMAT:
                raise file.too_new(path, version)
            if version < FORMAT:
                raise BufferError(
                    f"{path} has format {version}, an older gateway's; the next start of the gateway brings it to "
                    f"{FORMAT}, then ask again"
                )
            yield db
    except BufferDamaged as error:
        raise BufferError(f"{error.message}; the next start of the gateway salvages what can be read") from error
    finally:
        if has_log and not had_index:
            index.unlink(missing_ok=True)

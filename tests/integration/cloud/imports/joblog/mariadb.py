"""A MariaDB started in a directory of its own, with a job log in it; on a socket, so that no port is taken."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pymysql

from simulators.joblog import COLUMNS, Row
from tests.integration.cloud.test_serving import until

SERVER = shutil.which("mariadbd") or "/usr/sbin/mariadbd"
IS_THERE = Path(SERVER).exists()
KINDS = {"id": "INT PRIMARY KEY", "StartTime": "DATETIME NULL", "EndTime": "DATETIME NULL"}


@contextmanager
def serving() -> Iterator[Path]:
    """Give the socket of a server."""
    user = pwd.getpwuid(os.getuid()).pw_name
    with tempfile.TemporaryDirectory(prefix="tz-maria-", ignore_cleanup_errors=True) as directory:
        place = Path(directory)
        data, socket = place / "data", place / "s"
        log = (place / "log").open("wb")
        words = ["--no-defaults", f"--datadir={data}", f"--user={user}"]
        install = ["mariadb-install-db", *words, "--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run(install, stdout=log, stderr=log, check=True, timeout=60)
        fast = ["--skip-networking", f"--socket={socket}", "--innodb-flush-log-at-trx-commit=0", "--sql-mode="]
        process = subprocess.Popen([SERVER, *words, *fast, "--innodb-buffer-pool-size=16M"], stdout=log, stderr=log)
        try:
            until(lambda: process.poll() is not None or socket.exists(), 60)
            assert process.poll() is None, (place / "log").read_text()
            yield socket
        finally:
            process.terminate()
            process.wait(timeout=60)
            log.close()


def fill(socket: Path, rows: Iterable[Row], table: str = "joblog_ob") -> None:
    """Make the job log anew."""
    with closing(connected(socket)) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE IF NOT EXISTS mdc CHARACTER SET latin5")
        cursor.execute("USE mdc")
        cursor.execute(f"DROP TABLE IF EXISTS `{table}`")
        columns = ", ".join(f"`{name}` {KINDS.get(name, 'VARCHAR(100) NULL')}" for name in COLUMNS)
        cursor.execute(f"CREATE TABLE `{table}` ({columns}) ENGINE=InnoDB")
        places = ", ".join(["%s"] * len(COLUMNS))
        cursor.executemany(f"INSERT INTO `{table}` VALUES ({places})", [list(row.values()) for row in rows])
        connection.commit()


def connected(socket: Path) -> "pymysql.Connection":
    """Return a connection as root."""
    return pymysql.connect(unix_socket=str(socket), user="root", charset="utf8mb4")

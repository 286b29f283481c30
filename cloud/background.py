"""Owns the work that no request waits for, in a process of its own: rollups, figures, retention, reports, predictions.

`serve` keeps one such process beside its workers; `tezgah-cloud work` is the same on its own. Any number may run: of
those on one database one works and the others find nothing to do.
"""

import asyncio
import multiprocessing
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial

from cloud import loop, orphan
from cloud.analytics.service import deriving as figures
from cloud.db import Database
from cloud.errors import CloudError, SettingsInvalid
from cloud.predictions import watching
from cloud.predictions.learning import artefacts, making
from cloud.predictions.learning.serving import Speakers
from cloud.reports.service import making as reports
from cloud.settings import DATABASE_URL_VARIABLE, DatabaseSettings
from cloud.telemetry import settling
from cloud.telemetry.partitions import Partitions
from cloud.telemetry.retention import Keeper
from shared import logs

# a live minute is settled so long after its end at the latest
EVERY_S = 2.0
# whether it is time for a look at predictions, which are made every few hours
WATCHED_EVERY_S = 60.0
# a process that was killed, for memory as a rule, is given that time before the next one
RESTART_S = 5.0
# what is under way is given up at the end: it will be done again
_END_S = 5.0

log = logs.get(__name__)


@contextmanager
def beside() -> Iterator[None]:
    """Keep one process at work as long as the block lasts; one that dies is followed by another."""
    over = threading.Event()
    keeper = threading.Thread(target=_keep, args=(over,), name="background", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join(2 * _END_S)


def main() -> None:
    """Work until SIGINT or SIGTERM, with the settings of the environment."""
    settings = DatabaseSettings.from_environment()
    settings.configure_logs()
    orphan.end_with_parent()
    if settings.database_url is None:
        raise SettingsInvalid(f"{DATABASE_URL_VARIABLE} is not set; `tezgah-cloud serve` works for its own PostgreSQL.")
    with asyncio.Runner(loop_factory=loop.new_event_loop) as runner:
        files = artefacts.Policy(settings.model_files, settings.model_file_days)
        runner.run(_until_told(settings.database_url.get_secret_value(), files))


async def work(database: Database, over: asyncio.Event, every_s: float = EVERY_S) -> None:
    """Do what is due, again and again, until told that it is over; trouble is logged, and tried again."""
    partitions, keeper = Partitions(database), Keeper(database)

    async def turn() -> None:
        await settling.settle_all(database, datetime.now(UTC))
        try:
            await figures.derive_all(database, datetime.now(UTC))
        finally:
            # a machine that cannot be derived holds up nothing else
            # today's and tomorrow's, also while nobody sends anything
            await partitions.ensure(set())
            await keeper.keep(datetime.now(UTC))

    await _over_and_over(turn, over, every_s)


async def report(database: Database, over: asyncio.Event, every_s: float = EVERY_S) -> None:
    """Make the reports that are asked for, beside the other work: a long one must not hold it up."""

    async def turn() -> None:
        await reports.forget_old(database, datetime.now(UTC))
        while not over.is_set() and await reports.make_next(database, datetime.now(UTC)):
            pass

    await _over_and_over(turn, over, every_s)


async def watch(database: Database, over: asyncio.Event, every_s: float = WATCHED_EVERY_S) -> None:
    """Predict, match with what came, and look for drift, beside the other work."""
    speakers = Speakers()

    async def turn() -> None:
        while not over.is_set() and await watching.watch_next(database, datetime.now(UTC), speakers):
            pass

    await _over_and_over(turn, over, every_s)


async def learn(
    database: Database, over: asyncio.Event, every_s: float = EVERY_S, files: artefacts.Policy | None = None
) -> None:
    """Do the trainings that are asked for, each in a process of its own, beside the other work."""
    policy = files if files is not None else artefacts.Policy()

    async def turn() -> None:
        await artefacts.forget_old(database, datetime.now(UTC), policy)
        while not over.is_set() and await making.train_next(database):
            pass

    await _over_and_over(turn, over, every_s)


async def _over_and_over(turn: Callable[[], Awaitable[None]], over: asyncio.Event, every_s: float) -> None:
    is_well = True
    while not over.is_set():
        try:
            await turn()
        except CloudError as error:
            if is_well:
                log.warning("background_waits", reason=error.message)
            is_well = False
        except Exception:
            if is_well:
                log.exception("background_failed")
            is_well = False
        else:
            if not is_well:
                log.info("background_works_again")
            is_well = True
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), every_s)


async def _until_told(url: str, files: artefacts.Policy) -> None:
    over = asyncio.Event()
    end = partial(asyncio.get_running_loop().call_soon_threadsafe, over.set)
    signal.signal(signal.SIGTERM, lambda *_: end())
    # Ctrl-C reaches every process of a terminal; the one that keeps us says when it is our turn
    is_kept = multiprocessing.parent_process() is not None
    signal.signal(signal.SIGINT, signal.SIG_IGN if is_kept else lambda *_: end())
    database = Database(url, pool_size=1, overflow=3)
    log.info("background_started")
    try:
        async with asyncio.TaskGroup() as group:
            workers = [
                group.create_task(work(database, over), name="background"),
                group.create_task(report(database, over), name="reports"),
                group.create_task(watch(database, over), name="watch"),
                group.create_task(learn(database, over, files=files), name="learn"),
            ]
            await over.wait()
            _, late = await asyncio.wait(workers, timeout=_END_S)
            for task in late:
                task.cancel()
    finally:
        await database.close()


def _keep(over: threading.Event) -> None:
    spawn = multiprocessing.get_context("spawn")
    while not over.is_set():
        process = spawn.Process(target=main, name="background")
        process.start()
        while process.is_alive() and not over.wait(0.2):
            pass
        if over.is_set():
            process.terminate()
            process.join(2 * _END_S)
        elif process.exitcode == 0:
            # a supervisor that ends us has told it as well
            return
        else:
            log.error("background_died", exit_code=process.exitcode)
            over.wait(RESTART_S)

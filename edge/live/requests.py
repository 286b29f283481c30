"""Requests to a running gateway for another configuration: from the control port, and by SIGHUP."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edge.errors import ConfigError
from edge.live.apply import Applier, Outcome, Verdict
from edge.live.difference import difference
from edge.settings import Settings
from shared.errors import AppError
from shared.logs import get

_log = get(__name__)
# what replacing stations may take beyond the trial
_CHANGE_S = 30.0


class Requests:
    """Reads what is asked for, and lets the applier take it up.

    Args:
        applier: Owns the configuration that runs.
        load: Reads and judges a file; it may block.
        hangup: Set at every SIGHUP.
    """

    def __init__(self, applier: Applier, load: Callable[[Path], Settings], hangup: asyncio.Event) -> None:
        self._applier = applier
        self._load = load
        self._hangup = hangup
        self._tasks: asyncio.TaskGroup | None = None
        self._changing: set[asyncio.Task[Outcome]] = set()
        self._reloading: asyncio.Task[None] | None = None

    def begin(self, tasks: asyncio.TaskGroup) -> None:
        """Take requests from now on, in tasks of this group."""
        self._tasks = tasks
        self._reloading = tasks.create_task(self._reload(tasks), name="reload")
        self._applier.started()

    async def end(self) -> None:
        """Take no more, and leave a change that is under way as it is: the gateway stops."""
        self._tasks = None
        self._applier.ended()
        if self._reloading is not None:
            self._reloading.cancel()
        for task in (changing := set(self._changing)):
            task.cancel()
        if changing:
            await asyncio.wait(changing)

    async def answer(self, do: str, file: Path) -> AsyncIterator[dict[str, Any]]:
        """Answer `plan` with the difference, and `apply` with how it ended beside.

        Raises:
            ConfigError: The file is wrong.
            AppError: Neither was asked, or the gateway stops.
        """
        if do not in {"plan", "apply"} or self._tasks is None:
            raise AppError(f"{do!r} cannot be done now; expected plan or apply, while the gateway runs")
        settings = await asyncio.to_thread(self._load, file)
        found = asdict(difference(self._applier.settings, settings))
        yield {"difference": found, "within_s": (settings.gateway.rollback_after or 0.0) + _CHANGE_S}
        if do == "apply" and self._tasks is not None:
            task = self._change(self._tasks, settings)
            await asyncio.wait([task])
            if task.cancelled():
                raise AppError("the gateway was stopped before the change was over")
            outcome = task.result()
            yield {"verdict": outcome.verdict, "message": outcome.message}

    async def take(self, settings: Settings) -> Outcome:
        """Take up settings that somebody else has read and judged; returns how that ended.

        Raises:
            AppError: The gateway stops.
        """
        if self._tasks is None:
            raise AppError("the gateway stops, so its configuration is not changed")
        task = self._change(self._tasks, settings)
        await asyncio.wait([task])
        if task.cancelled():
            raise AppError("the gateway was stopped before the change was over")
        outcome = task.result()
        if outcome.verdict is Verdict.ROLLED_BACK:
            # that is about the file, which is as it was; whoever brought these says what became of them
            self._applier.notes.clear()
        return outcome

    def _change(self, tasks: asyncio.TaskGroup, settings: Settings) -> "asyncio.Task[Outcome]":
        """Apply settings in a task of the gateway's: whoever asked may leave before the trial is over."""
        task = tasks.create_task(self._applier.apply(settings), name="apply")
        self._changing.add(task)
        task.add_done_callback(self._changing.discard)
        return task

    async def _reload(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            await self._hangup.wait()
            self._hangup.clear()
            try:
                settings = await asyncio.to_thread(self._load, self._applier.settings.file)
            except ConfigError as error:
                _log.error("the configuration is wrong, so the one that runs goes on", error=error.message)
                continue
            await asyncio.wait([self._change(tasks, settings)])

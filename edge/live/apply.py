"""The one way in which a running gateway takes up another configuration: on trial, and back again if it is worse.

Whoever brings a configuration (the command line, SIGHUP) has read and judged it; here it is compared with the one that
runs, the connections that differ are replaced, and the tags that were good on them are watched. As soon as all of them
are good again the change is kept. If they are not for `gateway.rollback_after`, the configuration before takes over
again, and the state directory remembers that this one is not to be started with.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from edge.clock import Clock
from edge.config.files import Files, fingerprint
from edge.errors import ConfigError
from edge.live.difference import Difference, difference
from edge.live.fleet import Fleet
from edge.live.memory import Good, Memory, Rejected, Remembered
from edge.settings import Settings
from shared.errors import AppError
from shared.logs import get

_log = get(__name__)
# how often the tags on trial are looked at
_LOOK_S = 0.25
# a message names this many of the tags that are worse
_NAMED = 5


class Verdict(StrEnum):
    """How a change ended."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    ROLLED_BACK = "rolled_back"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a change ended, in a word and in a sentence, and what it would have changed or has."""

    verdict: Verdict
    message: str
    difference: Difference


class Applier:
    """Owns the configuration that runs.

    Args:
        settings: With which the gateway started.
        fleet: Its stations.
        memory: What the state directory remembers.
        clock: Time.
        notes: What the health page says of the start's configuration.

    Attributes:
        settings: What runs.
        notes: What somebody should know of it, a sentence each.
    """

    def __init__(
        self, settings: Settings, fleet: Fleet, memory: Memory, clock: Clock, notes: Sequence[str] = ()
    ) -> None:
        self.settings = settings
        self.notes = list(notes)
        self._fleet = fleet
        self._memory = memory
        self._clock = clock
        self._is_busy = False

    def started(self) -> None:
        """Remember the configuration of the start as a good one: it is the one that the gateway was told to run."""
        remembered = self._memory.recall()
        self._memory.keep(replace_good(remembered, self.settings))

    def ended(self) -> None:
        """The gateway ends in order: a trial under way is no crash, so the next start takes the file at its word."""
        remembered = self._memory.recall()
        if remembered.trial is not None:
            self._memory.keep(Remembered(remembered.good, None, remembered.rejected))

    async def apply(self, new: Settings) -> Outcome:
        """Take up another configuration, and return when it is sure whether it stays.

        Raises:
            BufferError: The buffer takes no tags, not even those of before; the gateway must end.
        """
        found = difference(self.settings, new)
        if self._is_busy:
            return _told(Outcome(Verdict.REFUSED, "another change is on trial; wait until it has ended", found))
        if found.needs_restart:
            what = ", ".join(found.needs_restart)
            message = f"{what} can only change at a start; nothing was changed: stop the gateway, and start it again"
            return _told(Outcome(Verdict.REFUSED, message, found))
        self._is_busy = True
        try:
            return _told(await self._apply(new, found))
        finally:
            self._is_busy = False

    async def _apply(self, new: Settings, found: Difference) -> Outcome:
        old = self.settings
        if not found.connections:
            self._confirm(new)
            verdict = Verdict.APPLIED if found else Verdict.UNCHANGED
            return Outcome(verdict, "no connection differs, so none was touched", found)
        watched = self._good_on(found) & _names(new)
        self._memory.keep(Remembered(_good(old), new.fingerprint, self._memory.recall().rejected))
        try:
            await self._fleet.change(new.connections)
        except AppError as error:
            return await self._roll_back(old, new, found, f"it could not be taken up: {error.message}")
        self.settings = new
        worse = await self._worse_after_trial(new, watched)
        if worse:
            names = ", ".join(".".join(name) for name in sorted(worse)[:_NAMED])
            more = ", .." if len(worse) > _NAMED else ""
            reason = (
                f"{len(worse)} of {len(watched)} tags that were good on the changed connections were not good again "
                f"within {new.gateway.rollback_after:g} s: {names}{more}"
            )
            return await self._roll_back(old, new, found, reason)
        self._confirm(new)
        silent = _names(new) - {name for station in self._fleet for name in station.not_worse()}
        tail = f"; {len(silent)} tags are not good, none of which was before" if silent else ""
        return Outcome(Verdict.APPLIED, f"{len(watched)} tags that were good are good again{tail}", found)

    def _good_on(self, found: Difference) -> set[tuple[str, str]]:
        touched = {*found.connections.changed, *found.connections.removed}
        return {name for station in self._fleet if station.name in touched for name in station.good()}

    async def _worse_after_trial(self, new: Settings, watched: set[tuple[str, str]]) -> set[tuple[str, str]]:
        """Wait until all that was good is good again, but not too long; return what is not."""
        limit_s = new.gateway.rollback_after
        until_s = self._clock.monotonic() + (limit_s or 0.0)
        while True:
            worse = watched - {name for station in self._fleet for name in station.not_worse()}
            if not worse or limit_s is None:
                return set()
            left_s = until_s - self._clock.monotonic()
            if left_s <= 0:
                return worse
            await self._clock.sleep(min(_LOOK_S, left_s))

    def _confirm(self, new: Settings) -> None:
        self.settings = new
        self.notes.clear()
        self._memory.keep(Remembered(_good(new)))

    async def _roll_back(self, old: Settings, new: Settings, found: Difference, reason: str) -> Outcome:
        rejected = Rejected(new.fingerprint, reason, self._clock.now_us())
        # before anything else can go wrong
        self._memory.keep(Remembered(_good(old), None, rejected))
        await self._fleet.change(old.connections)
        self.settings = old
        self.notes[:] = [_note(rejected, new)]
        return Outcome(Verdict.ROLLED_BACK, f"{reason}; the configuration before runs again", found)


def settings_to_start(
    settings: Settings, remembered: Remembered, load: Callable[[Files], Settings]
) -> tuple[Settings, list[str]]:
    """Return what a start runs with, and what somebody should know of it.

    That is what the file says, unless the very same content was rolled back before, or the gateway crashed while it was
    on trial. Then it is the configuration that was good before, until the file changes or is applied once more.

    Args:
        settings: What the file says.
        remembered: What the state directory remembers.
        load: Reads the same file from remembered contents.
    """
    rejected = remembered.rejected
    if remembered.trial == settings.fingerprint:
        rejected = Rejected(settings.fingerprint, "the gateway ended abruptly while it was on trial", 0)
    good = remembered.good
    if rejected is None or rejected.fingerprint != settings.fingerprint or good is None:
        return settings, []
    if fingerprint(good.contents) == settings.fingerprint:
        return settings, []
    note = _note(rejected, settings)
    try:
        return replace(load(Files(good.contents)), file=settings.file), [note]
    except ConfigError as error:
        _log.error("the configuration before cannot be read any more, so the file's is used", error=error.message)
        return settings, [f"{settings.file} was rolled back before, but what ran before it cannot be read any more"]


def replace_good(remembered: Remembered, settings: Settings) -> Remembered:
    """Return what is to be remembered once these settings run."""
    return Remembered(_good(settings), None, remembered.rejected)


def _good(settings: Settings) -> Good:
    return Good(str(settings.file), dict(settings.contents))


def _names(settings: Settings) -> set[tuple[str, str]]:
    return {
        (point.device, point.name)
        for connection in settings.connections
        for point in (*connection.points, *connection.computed)
    }


def _note(rejected: Rejected, settings: Settings) -> str:
    when = (
        datetime.fromtimestamp(rejected.at_us / 1e6, UTC).strftime(" at %Y-%m-%d %H:%M:%SZ") if rejected.at_us else ""
    )
    return (
        f"{settings.file} was rolled back{when}, and the configuration before it runs ({rejected.reason}); mend the "
        "file and apply it"
    )


def _told(outcome: Outcome) -> Outcome:
    """Log how a change ended."""
    match outcome.verdict:
        case Verdict.APPLIED | Verdict.UNCHANGED:
            _log.info("configuration applied", verdict=outcome.verdict.value, outcome=outcome.message)
        case Verdict.ROLLED_BACK:
            _log.error("configuration rolled back", outcome=outcome.message)
        case Verdict.REFUSED:
            _log.warning("configuration not applied", outcome=outcome.message)
    return outcome

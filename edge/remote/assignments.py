"""Configurations that are set in the cloud: fetched, judged, tried, and kept for a start without the cloud.

The document of the newest version is composed with the gateway's own file, judged as `tezgah-edge check` judges, and
applied on trial like any other change. What became of it (applied, refused with every mistake, rolled back) is told to
the cloud, again until it was told. The last good one stands in the state directory, and every start begins with it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import msgspec

from edge.config.composing import beside
from edge.config.files import Files
from edge.config.mistakes import ConfigMistakes
from edge.errors import ConfigError
from edge.live.apply import Outcome, Verdict
from edge.live.memory import Remembered
from edge.settings import Settings, load, rehearse
from edge.sync.office import Assigned, Office
from edge.sync.token import Replacement
from shared.errors import AppError
from shared.logs import get

FILE = "assigned.json"
# what the cloud takes of an explanation
_MAX_DETAIL = 3_900
_NOTHING = "this gateway takes no configuration from the cloud; cloud.configures of its own file says what it may"
_log = get(__name__)


class Told(msgspec.Struct, frozen=True):
    """What became of a version, in the cloud's words."""

    version: int
    outcome: str
    detail: str


class Kept(msgspec.Struct, frozen=True):
    """What the state directory has of it.

    Attributes:
        in_force: What runs beside the own file.
        trying: What is on trial now.
        tried: The version that was last tried on the machines.
        untold: What became of a version, as long as the cloud does not know.
    """

    in_force: Assigned | None = None
    trying: Assigned | None = None
    tried: int | None = None
    untold: Told | None = None


class Assignments:
    """Takes up what the cloud sets.

    Args:
        directory: The state directory.
        file: The gateway's own file.
        environ: What its references refer to.
        office: Where documents come from, and outcomes go.
    """

    def __init__(self, directory: Path, file: Path, environ: Mapping[str, str], office: Office) -> None:
        self._path = directory / FILE
        self._file = file
        self._environ = environ
        self._office = office
        self._kept = self._recalled()
        self._passed_over: int | None = None
        self._note: str | None = None

    @property
    def version(self) -> int | None:
        """The version that runs, None if the own file is all there is."""
        return None if self._kept.in_force is None else self._kept.in_force.version

    def notes(self) -> list[str]:
        """Return what somebody should know, a sentence each."""
        return [] if self._note is None else [self._note]

    def load(self, file: Path) -> Settings:
        """Read a file of the gateway's own, with what is in force beside it.

        Raises:
            ConfigError: One of the two is wrong.
        """
        return self._load(file, self._kept.in_force)

    def settings_to_start(self, own: Settings, remembered: Remembered) -> Settings:
        """Return what a start runs with: the own file, and beside it what was last good of the cloud's."""
        self._end_trial(remembered)
        assigned = self._kept.in_force
        if assigned is None or own.cloud.configures == "nothing":
            return own
        try:
            return self._load(self._file, assigned)
        except ConfigError as error:
            self._judged(assigned.version, "refused", _words(error), in_force=None)
            # to be judged again once the own file was mended, which takes another start
            self._passed_over = assigned.version
            self._keep(msgspec.structs.replace(self._kept, tried=None))
            return own

    async def follow(self, newest: int | None, take: Callable[[Settings], Awaitable[Outcome]]) -> None:
        """Take up the newest version if it is another than was tried, and tell what became of it.

        Args:
            newest: The version that the cloud has.
            take: Applies settings on trial.

        Raises:
            UplinkError: The cloud did not answer; it is all to be done again.
        """
        await self._tell()
        if newest is None or newest in {self._kept.tried, self._passed_over}:
            return
        assigned = await self._office.configuration()
        settings = await asyncio.to_thread(self._judge, assigned)
        if settings is not None:
            await self._try(assigned, settings, take)
        await self._tell()

    def _judge(self, assigned: Assigned) -> Settings | None:
        try:
            settings = self._load(self._file, assigned)
            rehearse(settings)
            why = _NOTHING if settings.cloud.configures == "nothing" else None
        except ConfigError as error:
            why = _words(error)
        if why is None:
            return settings
        self._passed_over = assigned.version
        self._judged(assigned.version, "refused", why, in_force=self._kept.in_force)
        return None

    async def _try(
        self, assigned: Assigned, settings: Settings, take: Callable[[Settings], Awaitable[Outcome]]
    ) -> None:
        before = self._kept.in_force
        self._keep(msgspec.structs.replace(self._kept, trying=assigned))
        try:
            outcome = await take(settings)
        except (asyncio.CancelledError, AppError):
            # the gateway stops in order: no verdict, and the next start tries again
            self._keep(msgspec.structs.replace(self._kept, trying=None))
            raise
        match outcome.verdict:
            case Verdict.APPLIED | Verdict.UNCHANGED:
                self._judged(assigned.version, "applied", outcome.message, in_force=assigned, tried=assigned.version)
            case Verdict.ROLLED_BACK:
                self._judged(assigned.version, "rolled_back", outcome.message, in_force=before, tried=assigned.version)
            case Verdict.REFUSED:
                # nothing is wrong with it; it is not its time
                self._keep(msgspec.structs.replace(self._kept, trying=None))
                self._note = f"configuration {assigned.version} of the cloud's waits: {outcome.message}"

    def _load(self, file: Path, assigned: Assigned | None) -> Settings:
        given = {} if assigned is None else {str(beside(file).absolute()): assigned.document.encode()}
        return load(file, self._environ, files=Files(given=given))

    def _end_trial(self, remembered: Remembered) -> None:
        """Judge what was on trial when the gateway ended abruptly: it counts only if it had been found good."""
        trying = self._kept.trying
        if trying is None:
            return
        good = remembered.good.contents if remembered.good is not None else {}
        was_good = good.get(str(beside(self._file).absolute())) == trying.document.encode()
        if remembered.trial is None and was_good:
            self._judged(trying.version, "applied", "", in_force=trying, tried=trying.version)
            return
        why = "the gateway ended abruptly while it was on trial"
        self._judged(trying.version, "rolled_back", why, in_force=self._kept.in_force, tried=trying.version)

    def _judged(
        self, version: int, outcome: str, detail: str, *, in_force: Assigned | None, tried: int | None = None
    ) -> None:
        self._keep(Kept(in_force, None, self._kept.tried if tried is None else tried, Told(version, outcome, detail)))
        self._note = None
        if outcome == "applied":
            _log.info("configuration of the cloud's runs", version=version, detail=detail)
            return
        _log.error("configuration of the cloud's does not run", version=version, outcome=outcome, detail=detail)
        runs = "its own file alone runs" if in_force is None else f"version {in_force.version} runs"
        first = detail.splitlines()[0] if detail else ""
        word = outcome.replace("_", " ")
        self._note = f"configuration {version} of the cloud's was {word}, and {runs}: {first}"

    async def _tell(self) -> None:
        untold = self._kept.untold
        if untold is None:
            return
        if not await self._office.tell_outcome(untold.version, untold.outcome, untold.detail):
            _log.warning("the cloud takes no note of what became of a configuration", version=untold.version)
        if self._kept.untold is untold:
            self._keep(msgspec.structs.replace(self._kept, untold=None))

    def _recalled(self) -> Kept:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Kept)
        except FileNotFoundError:
            return Kept()
        except (OSError, msgspec.MsgspecError) as error:
            _log.warning("what the cloud had set cannot be read", file=str(self._path), error=str(error))
            return Kept()

    def _keep(self, kept: Kept) -> None:
        """Remember; on a full disk it is only said that it is not, and asked of the cloud again after a restart."""
        self._kept = kept
        try:
            Replacement(self._path).put(msgspec.json.encode(kept))
        except OSError as error:
            _log.warning("what the cloud set is not remembered", file=str(self._path), error=str(error))


def _words(error: ConfigError) -> str:
    """Return what is wrong, as the cloud shows it: by line, without this machine's paths where that is the document."""
    words = error.message
    if isinstance(error, ConfigMistakes):
        words = "\n".join(
            f"{f'{mistake.file}:' if mistake.file else 'line '}{mistake.line}: "
            f"{f'{mistake.path}: ' if mistake.path else ''}{mistake.message}"
            for mistake in error.mistakes
        )
    words = "".join(letter for letter in words if letter == "\n" or letter.isprintable())
    return words if len(words) <= _MAX_DETAIL else f"{words[:_MAX_DETAIL]}\n.."

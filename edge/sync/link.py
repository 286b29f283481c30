"""The link: whether the cloud answers, who may try while it does not, and how it is said - once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from enum import StrEnum

from edge.backoff import Backoff
from edge.clock import Clock
from edge.errors import Outdated, Unauthorized, UplinkError
from edge.ports import FIRST
from shared.logs import get

_log = get(__name__)


class LinkState(StrEnum):
    """What the last answer says about the cloud."""

    CONNECTING = "connecting"
    UP = "up"
    DOWN = "down"
    UNAUTHORIZED = "unauthorized"
    OUTDATED = "outdated"


# only somebody's doing ends these, so it is asked slowly whether it was done
_SLOWLY = {LinkState.UNAUTHORIZED, LinkState.OUTDATED}


class Link:
    """Lets senders through: all of them while the cloud answers, one at a time and after a pause while it does not.

    A greeting bears a token and no batch. Where batches are what the cloud refuses (the token is another gateway's, the
    wire's version is not spoken there), its answer to a greeting is no sign that it takes them again; greetings go on.
    """

    def __init__(self, clock: Clock, name: str = FIRST) -> None:
        # one cloud is "the cloud"; of several it is said which
        self._which = {} if name == FIRST else {"destination": name}
        self._clock = clock
        self._backoff = Backoff(clock)
        self._probing = asyncio.Lock()
        self._pause_s = 0.0
        self._refuses_batches = False
        self._enter(LinkState.CONNECTING)
        self.last_error: str | None = None

    def is_up(self) -> bool:
        """Return whether the cloud answers."""
        return self.state is LinkState.UP

    @contextlib.asynccontextmanager
    async def turn(self, *, is_greeting: bool = False) -> AsyncIterator[bool]:
        """Wait for a turn to send; yields whether it is a probe, on whose outcome all others wait."""
        if is_greeting and self._refuses_batches:
            yield True
            return
        while not self.is_up():
            async with self._probing:
                # whoever probed before may have found it up
                if not self.is_up():
                    if self._pause_s:
                        await self._clock.sleep(self._pause_s)
                    yield True
                    return
        yield False

    def answered(self, *, is_greeting: bool = False) -> None:
        """Note that the cloud took or judged a batch, or a greeting."""
        if is_greeting and self._refuses_batches:
            return
        self._refuses_batches = False
        was = self.state
        if was is not LinkState.UP:
            away_s = (self._clock.now_us() - self.since_us) / 1e6
            self._backoff.reset()
            self._enter(LinkState.UP)
            if was is LinkState.CONNECTING:
                _log.info("cloud reached", **self._which)
            else:
                _log.info("cloud is back", away_s=round(away_s, 1), error=self.last_error, **self._which)

    def failed(self, error: UplinkError, *, is_probe: bool, is_greeting: bool = False) -> None:
        """Note that it did not, or not yet. Of requests that were under way together, the first decides."""
        if not self.is_up() and not is_probe:
            return
        self.last_error = error.message
        state = _state_after(error)
        self._refuses_batches = state in _SLOWLY and not is_greeting
        self._pause_s = self._backoff.delay_s(error, slowly=state in _SLOWLY)
        if state is self.state:
            return
        self._enter(state)
        match state:
            case LinkState.UNAUTHORIZED:
                _log.error(
                    "the cloud refuses this gateway's token; readings are kept", error=error.message, **self._which
                )
            case LinkState.OUTDATED:
                _log.error("the cloud speaks another version; readings are kept", error=error.message, **self._which)
            case _:
                _log.warning("cloud not reached; readings are kept", error=error.message, **self._which)

    def _enter(self, state: LinkState) -> None:
        self.state = state
        self.since_us = self._clock.now_us()


def _state_after(error: UplinkError) -> LinkState:
    match error:
        case Unauthorized():
            return LinkState.UNAUTHORIZED
        case Outdated():
            return LinkState.OUTDATED
        case _:
            return LinkState.DOWN

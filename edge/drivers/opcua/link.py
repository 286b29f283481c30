"""Owns a session with its subscription: made anew, or taken back after a cut with all that the server kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.clock import Clock
from edge.drivers.opcua import plan, services
from edge.drivers.opcua.config import OpcUaConnection
from edge.drivers.opcua.decode import WATCH_HANDLE
from edge.drivers.opcua.holes import Holes
from edge.drivers.opcua.items import RETRY_S
from edge.drivers.opcua.profiles import PROFILES, Asked, overloads, recognised
from edge.drivers.opcua.services import Limits
from edge.drivers.opcua.session import Session
from edge.drivers.opcua.watching import Watching
from edge.drivers.spec import Point
from shared import logs

# how often a server is browsed again that does not tell when its model changes
LOOK_S = 300.0

_log = logs.get(__name__)


@dataclass(slots=True)
class Link:
    """What lives as long as a subscription, and which session it is with.

    Attributes:
        session: The present one.
        number: The subscription's; None where everything is read.
        subscription: Its numbers as the server revised them.
        bounds: What the server takes in one call.
        watching: How each point's value is had.
        holes: What its notifications leave out.
        namespaces: The server's, as they were when its nodes were asked for.
        renew_at, retry_at, look_at: When the channel is renewed, missing nodes are asked for, and the server is browsed
            again, by the monotonic clock.
        is_catching_up: It was taken back, and what the server kept meanwhile has not all come yet.
        is_ended: The server has ended it, or it is of no more use.
    """

    session: Session
    number: int | None
    subscription: plan.Subscription
    bounds: Limits
    watching: Watching
    holes: Holes
    namespaces: Sequence[str]
    renew_at: float
    retry_at: float
    look_at: float
    is_catching_up: bool = False
    is_ended: bool = False

    @classmethod
    async def fresh(
        cls,
        session: Session,
        options: OpcUaConnection,
        points: Sequence[Point],
        clock: Clock,
        asked: Asked,
        *,
        subscribes: bool,
        browses: bool,
    ) -> "Link":
        """Make a subscription, if there is anything to watch, on a session that has begun.

        Raises:
            DriverError: The server refuses, or the session was lost.
        """
        profile = PROFILES[options.profile or recognised(await services.said(session))]
        for message, fix in overloads(profile, asked):
            _log.warning("more is asked of the server than it may carry", connection=session.name, why=message, fix=fix)
        bounds = await services.limits(session, profile)
        namespaces = await services.namespaces(session)
        wanted = plan.subscription(options.publishing_interval, options.survive_outage)
        made = await services.subscribe(session, wanted) if subscribes else None
        number, revised = made or (None, wanted)
        if made is not None and number is not None:
            _tell_revisions(session.name, wanted, revised, options.survive_outage)
            await services.watch_model(session, number, WATCH_HANDLE, events=browses)
        watching = Watching(session.name, session, number, bounds, clock)
        now = clock.monotonic()
        times = (now + session.renewal_s, now + RETRY_S, now + LOOK_S)
        return cls(session, number, revised, bounds, watching, Holes(points, clock.now_us()), namespaces, *times)

    async def moved(self, session: Session, clock: Clock) -> bool:
        """Go on with a session that `begin` did not take back, if the server lets it have the subscription.

        Raises:
            DriverError: The session was lost.
        """
        if self.number is None or not await services.transfer(session, self.number):
            return False
        self.goes_on(session, clock)
        return True

    def goes_on(self, session: Session, clock: Clock) -> None:
        """Go on with the subscription on another connection."""
        self.session = session
        self.watching.moved(session)
        self.renew_at = clock.monotonic() + session.renewal_s
        self.is_catching_up = self.number is not None


def _tell_revisions(name: str, wanted: plan.Subscription, revised: plan.Subscription, survive_s: float) -> None:
    if revised.interval_ms > wanted.interval_ms + 1:
        _log.warning(
            "the server revised what was asked",
            connection=name,
            option="publishing_interval_ms",
            asked=wanted.interval_ms,
            got=revised.interval_ms,
        )
    lives_s = revised.interval_ms * revised.lifetime / 1000
    if lives_s < survive_s:
        _log.warning(
            "the server keeps the subscription for a shorter time than `survive_outage`",
            connection=name,
            option="survive_outage",
            asked=survive_s,
            got=lives_s,
        )

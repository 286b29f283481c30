"""Owns a session with its subscription: made anew, or taken back after a cut with all that the server kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.clock import Clock
from edge.drivers.opcua import plan, services
from edge.drivers.opcua.config import OpcUaConnection
from edge.drivers.opcua.holes import Holes
from edge.drivers.opcua.items import RETRY_S, MonitoredItems
from edge.drivers.opcua.services import Limits
from edge.drivers.opcua.session import Session
from edge.drivers.spec import Point
from shared import logs

_log = logs.get(__name__)


@dataclass(slots=True)
class Link:
    """What lives as long as a subscription, and which session it is with.

    Attributes:
        session: The present one.
        number: The subscription's.
        subscription: Its numbers as the server revised them.
        bounds: What the server takes in one call.
        items: What is watched.
        holes: What its notifications leave out.
        renew_at, retry_at: When the channel is renewed, and missing items are asked for, by the monotonic clock.
        is_catching_up: It was taken back, and what the server kept meanwhile has not all come yet.
        is_ended: The server has ended it.
    """

    session: Session
    number: int
    subscription: plan.Subscription
    bounds: Limits
    items: MonitoredItems
    holes: Holes
    renew_at: float
    retry_at: float
    is_catching_up: bool = False
    is_ended: bool = False

    @classmethod
    async def fresh(
        cls,
        session: Session,
        options: OpcUaConnection,
        points: Sequence[Point],
        items: Sequence[plan.Item],
        clock: Clock,
    ) -> "Link":
        """Make a subscription on a session that has begun, with its items still to be created.

        Raises:
            DriverError: The server refuses, or the session was lost.
        """
        bounds = await services.limits(session)
        wanted = plan.subscription(options.publishing_interval, options.survive_outage)
        number, revised = await services.subscribe(session, wanted)
        _tell_revisions(session.name, wanted, revised, options.survive_outage)
        watched = MonitoredItems(session.name, items, session, number, bounds)
        holes = Holes(points, clock.now_us())
        now = clock.monotonic()
        return cls(session, number, revised, bounds, watched, holes, now + session.renewal_s, now + RETRY_S)

    async def moved(self, session: Session, clock: Clock) -> bool:
        """Go on with a session that `begin` did not take back, if the server lets it have the subscription.

        Raises:
            DriverError: The session was lost.
        """
        if not await services.transfer(session, self.number):
            return False
        self.goes_on(session, clock)
        return True

    def goes_on(self, session: Session, clock: Clock) -> None:
        """Go on with the subscription on another connection."""
        self.session = self.items.session = session
        self.renew_at = clock.monotonic() + session.renewal_s
        self.is_catching_up = True


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

"""OPC UA as `doctor` and `browse` see it: what a server offers and shows, every tag read once, and its tree."""

import math
import statistics
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes

from edge.clock import Clock
from edge.drivers.inspection import Examination, Finding, Found, Probe, Severity
from edge.drivers.opcua import addresses, browsing, plan, servertimes, services, showing
from edge.drivers.opcua.access import Access, described
from edge.drivers.opcua.advice import asked
from edge.drivers.opcua.browsing import Place
from edge.drivers.opcua.changes import Picks
from edge.drivers.opcua.config import OpcUaConnection
from edge.drivers.opcua.decode import read_values
from edge.drivers.opcua.findings import certificate, clocks, revisions, security, sorted_by_weight, unknown_node
from edge.drivers.opcua.items import try_items
from edge.drivers.opcua.plan import Item
from edge.drivers.opcua.profiles import PROFILES, ProfileName, overloads, recognised
from edge.drivers.opcua.services import Limits
from edge.drivers.opcua.session import Session, status_name
from edge.drivers.opcua.trust import fingerprint, first_of, subject
from edge.drivers.opcua.types import Types
from edge.drivers.spec import ConnectionOptions, Point, Surroundings
from edge.errors import ConfigError, DriverError
from shared.reading import Quality

_SERVER = ua.NodeId(ua.Int32(ObjectIds.Server))
_ROUND_TRIPS = 5
# what is looked through for a name that somebody may have meant
_NAMES = 5000
_SHOWN = 60
# values are read beside the tree, so many at once
_PAGE = 200


def build(
    name: str, options: ConnectionOptions, points: Sequence[Point], clock: Clock, around: Surroundings
) -> "OpcUaInspector":
    """Build the inspector of one connection; nothing connects yet."""
    return OpcUaInspector(name, cast("OpcUaConnection", options), points, clock, around)


class OpcUaInspector:
    """Looks at one server (`edge.drivers.inspection.Inspector`)."""

    def __init__(
        self, name: str, options: OpcUaConnection, points: Sequence[Point], clock: Clock, around: Surroundings
    ) -> None:
        self._name = name
        self._options = options
        self._points = points
        self._items = plan.items(points, options.survive_outage)
        self._clock = clock
        self._access = Access(name, options, around.state, clock)
        self._facts: list[tuple[str, str]] = []
        self._findings: list[Finding] = []

    async def examine(self) -> Examination:
        """Ask for the endpoints, begin a session, read every point once, and try what a subscription would give."""
        is_reached, round_trip_s, probes = False, None, list[Probe]()
        session = self._session()
        try:
            await self._endpoints()
            is_reached = True
            await session.begin()
            round_trip_s = await self._round_trip_s(session)
            bounds = await self._server(session)
            probes = await self._probes(session, bounds)
            await self._subscription(session, bounds)
        except DriverError as error:
            fix = "tezgah-edge trust CONFIG CONNECTION" if "tezgah-edge trust" in error.message else ""
            self._findings.append(Finding(Severity.ERROR, "", error.message, fix))
        finally:
            await session.end()
        return Examination(is_reached, round_trip_s, self._facts, probes, sorted_by_weight(self._findings))

    async def browse(self, where: str, limit_s: float) -> AsyncIterator[Found]:
        """Yield the server's tree below a path or node, with present values; the server's own object is left out.

        Raises:
            DriverError: The connection could not be made, or was lost.
            ConfigError: `where` is neither a path nor a node id.
        """
        session, end = self._session(), self._clock.monotonic() + limit_s
        try:
            await session.begin()
            bounds = await services.limits(session, PROFILES[ProfileName.GENERIC])
            namespaces = await services.namespaces(session)
            page: list[Place] = []
            async for place in self._tree(session, bounds, where):
                page.append(place)
                if len(page) >= _PAGE:
                    for found in await self._found(session, bounds, page, namespaces):
                        yield found
                    page = []
                if self._clock.monotonic() > end:
                    break
            for found in await self._found(session, bounds, page, namespaces):
                yield found
        finally:
            await session.end()

    def _session(self) -> Session:
        options = self._options
        return Session(self._name, options.opcua, options.timeout, self._access, options.survive_outage)

    async def _endpoints(self) -> None:
        offered = await showing.endpoints(self._name, self._options, self._access)
        self._facts.append(("endpoints", ", ".join(described(offered))))
        self._findings += security(self._options, described(offered))
        ders = {first_of(bytes(each.ServerCertificate or b"")) for each in offered if each.ServerCertificate}
        for der in ders:
            self._facts.append(("server certificate", f"{fingerprint(der)}, {subject(der)}"))
            self._findings += certificate(der, self._clock.now_us())
        if self._options.is_secured:
            own = self._access.identity().der
            self._facts.append(("gateway's certificate", f"{fingerprint(own)}, {subject(own)}"))

    async def _round_trip_s(self, session: Session) -> float:
        times = []
        for _ in range(_ROUND_TRIPS):
            began = self._clock.monotonic()
            server_us = await services.clock_us(session)
            times.append(self._clock.monotonic() - began)
        if server_us is not None:
            self._findings += clocks(server_us, self._clock.now_us())
        return statistics.median(times)

    async def _server(self, session: Session) -> Limits:
        said = await services.said(session)
        self._facts.append(("server", " ".join(said) or "says nothing of itself"))
        name = self._options.profile or recognised(said)
        by = "as configured" if self._options.profile else "by what it says of itself"
        profile = PROFILES[name]
        shared = f"; {profile.sessions} sessions for all its clients" if profile.sessions else ""
        self._facts.append(("profile", f"{name}, {by}{shared}"))
        for message, fix in overloads(profile, asked(self._options, self._points)):
            self._findings.append(Finding(Severity.WARNING, "", message, fix))
        bounds = await services.limits(session, profile)
        self._facts.append(("namespaces", ", ".join(await services.namespaces(session))))
        limits = f"{bounds.read} reads, {bounds.items} monitored items, {bounds.browse} browses a call"
        self._facts.append(("limits", limits))
        return bounds

    async def _probes(self, session: Session, bounds: Limits) -> list[Probe]:
        found = await addresses.resolved(session, bounds, (item.node for item in self._items))
        known = [item for item in self._items if item.node in found]
        types = Types()
        await types.learn(session, bounds, {item.point: found[item.node] for item in known})
        # here the times come under the very points whose they are
        timed = [(item.point, item.point) for item in known if self._is_timed(item)]
        picked = {item.point: item.pick for item in known if item.pick is not None}
        picks = Picks(picked, types.layouts, servertimes.by_point(timed))
        raws = await services.attributes(session, bounds, [(found[item.node], AttributeIds.Value) for item in known])
        probes = [self._absent(item) for item in self._items if item.node not in found]
        for start in range(0, len(known), bounds.read):
            part = known[start : start + bounds.read]
            with session.telling(f"reading {len(part)} values"):
                answer = await services.values(session, [found[item.node] for item in part])
            said = read_values(answer, [item.point for item in part], self._clock.now_us(), picks)
            why = dict(said.unsupported)
            times = {} if said.beside is None else dict(zip(said.beside.tag.tolist(), said.beside.value, strict=True))
            for row, (item, raw) in enumerate(zip(part, raws[start:], strict=False)):
                probe = self._probe(item, raw, said.readings, row, why.get(item.point, ""))
                probes.append(replace(probe, server_us=int(times[item.point])) if item.point in times else probe)
        await self._meant(session, bounds, probes)
        return sorted(probes, key=lambda probe: probe.point)

    def _is_timed(self, item: Item) -> bool:
        return servertimes.wanted(self._points[item.point], by_default=self._options.server_time)

    def _absent(self, item: Item) -> Probe:
        return Probe(item.point, "", None, Quality.BAD, status_name(StatusCodes.BadNodeIdUnknown))

    def _probe(self, item: Item, raw: ua.DataValue, said: Any, row: int, why: str) -> Probe:
        code, quality = int(said.status[row]), Quality(int(said.quality[row]))
        number = float(said.value[row])
        value: float | str | None = said.text.get(row, None if math.isnan(number) else number)
        name = status_name(code) if code else ""
        if why:
            self._note(item, Severity.ERROR, f"{item.node}: {why}", "")
        elif quality is not Quality.GOOD and code != StatusCodes.BadNodeIdUnknown:
            self._note(item, Severity.WARNING, f"{item.node} is {quality.name.lower()}: {name}", "look at the machine")
        return Probe(item.point, _raw(raw), value, quality, name, int(said.ts[row]) or None)

    async def _meant(self, session: Session, bounds: Limits, probes: Sequence[Probe]) -> None:
        """Say of each unknown node what somebody may have meant."""
        unknown = [probe.point for probe in probes if "BadNodeIdUnknown" in probe.code]
        if not unknown:
            return
        names: list[str] = []
        async for place in self._tree(session, bounds, ""):
            names.append(str(place.node.to_string()))
            names.append("path=" + "/".join(["Objects", *(name.partition(":")[2] for name in place.names)]))
            if len(names) > 2 * _NAMES:
                break
        for point in unknown:
            fix = unknown_node(self._items[point].node, names)
            self._note(self._items[point], Severity.ERROR, f"the server has no {self._items[point].node}", fix)

    async def _subscription(self, session: Session, bounds: Limits) -> None:
        """Make a subscription as the driver would, hold what the server gives against what is asked, and delete it."""
        options = self._options
        watched = [item for item in self._items if not item.is_read]
        wanted = plan.subscription(options.publishing_interval, options.survive_outage)
        made = await services.subscribe(session, wanted) if watched else None
        if made is None:
            self._facts.append(("subscription", "none: values are read"))
            return
        number, revised = made
        said = f"every {revised.interval_ms:g} ms (asked {wanted.interval_ms:g}), {len(watched)} monitored items"
        self._facts.append(("subscription", said))
        given = await try_items(session, bounds, number, watched)
        self._findings += revisions(self._points, given, wanted, revised, options.survive_outage)

    def _note(self, item: Item, severity: Severity, message: str, fix: str) -> None:
        point = self._points[item.point]
        self._findings.append(Finding(severity, f"{point.device}.{point.name}", message, fix))

    async def _tree(self, session: Session, bounds: Limits, where: str) -> AsyncIterator[Place]:
        """Yield everything below a path or node."""
        if not where or "=" not in where:
            path = where.strip("/") or "Objects"
            async for place in browsing.find(session, bounds, path if "*" in path else f"{path}/**", skip=_SERVER):
                yield place
            return
        node = (await addresses.resolved(session, bounds, [_checked(where)])).get(where)
        if node is None:
            raise DriverError(f"{self._name}: the server has no {where}")
        async for place in browsing.below(session, bounds, node):
            yield place

    async def _found(
        self, session: Session, bounds: Limits, places: Sequence[Place], namespaces: Sequence[str]
    ) -> list[Found]:
        variables = [place for place in places if place.is_variable]
        wanted = [(place.node, AttributeIds.Value) for place in variables]
        values = await services.attributes(session, bounds, wanted) if wanted else []
        by_node = dict(zip((place.node for place in variables), values, strict=True))
        return list(_each(places, by_node, namespaces))


def _each(places: Sequence[Place], values: dict[ua.NodeId, ua.DataValue], namespaces: Sequence[str]) -> Iterator[Found]:
    for place in places:
        names = [name.partition(":")[2] for name in place.names] or [place.browse_name]
        if not place.is_variable:
            yield Found(names)
            continue
        answer = values[place.node]
        kind = answer.Value.VariantType.name if answer.Value is not None else "no value"
        if place.node.NamespaceIndex == 0 or isinstance(services.value_of(answer), list):
            # the protocol's own variables say nothing of a machine; of an array a tag takes one element
            yield Found(names, value=_raw(answer).partition(" ")[2], note=kind)
            continue
        device = "_".join(names[:1]) if len(names) > 1 else "server"
        tag = {"node": addresses.lasting(place.node, namespaces)}
        yield Found(names, "_".join(names[1:] or names), device, {}, tag, _raw(answer).partition(" ")[2], kind)


def _raw(answer: ua.DataValue) -> str:
    """Return what a server sent: its type, and the value as far as it is short."""
    if answer.Value is None or answer.Value.Value is None:
        return ""
    value = answer.Value.Value
    many = f"[{len(value)}]" if isinstance(value, list) else ""
    text = str(value)
    return f"{answer.Value.VariantType.name}{many} {text if len(text) <= _SHOWN else text[: _SHOWN - 2] + '..'}"


def _checked(where: str) -> str:
    try:
        ua.NodeId.from_string(where.partition(";")[2] if where.startswith("nsu=") else where)
    except Exception as error:  # asyncua raises its own and others
        raise ConfigError(
            f"{where!r} is neither a path such as Objects/Press nor a node such as ns=3;s=Press"
        ) from error
    return where

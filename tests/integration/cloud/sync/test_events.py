"""What changes, as it changes."""

import asyncio
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import orjson
import pytest
import uvicorn

from cloud.app import create_app
from cloud.changes import Operator
from cloud.gateways import service as gateways
from cloud.gateways.schemas import GatewayCaller
from cloud.identity.schemas import Bearer, Role
from cloud.machines import service as machines
from cloud.machines.schemas import MachineIn
from cloud.sync import hub as hubs
from cloud.sync.events import Stream
from cloud.sync.hub import Hub
from tests.integration.cloud.telemetry.sender import Sender, rows, states

Frame = tuple[str, str | None, dict]
LONG = timedelta(minutes=10)


def parsed(frame: bytes) -> Frame:
    fields = dict(line.split(": ", 1) for line in frame.decode().strip().splitlines())
    return fields.get("event", ""), fields.get("id"), orjson.loads(fields["data"]) if "data" in fields else {}


class Ear:
    """Listens to one stream, in this process."""

    def __init__(self, frames: AsyncIterator[bytes]) -> None:
        self._frames = frames

    async def next(self) -> Frame:
        """The next event; heartbeats and the like are passed over."""
        async with asyncio.timeout(60):
            while True:
                frame = await anext(self._frames)
                if frame.startswith(b"event"):
                    return parsed(frame)

    async def raw(self) -> bytes:
        async with asyncio.timeout(60):
            return await anext(self._frames)

    async def close(self) -> None:
        await self._frames.aclose()  # type: ignore[attr-defined]


@pytest.fixture
def listen(app, tenant):
    """A function that listens as somebody; streams end with the test."""
    opened = []

    def begun(
        role: Role = Role.PLANNER,
        last_id: str | None = None,
        expires_in: timedelta = LONG,
        heartbeat_s: float = 60,
        hub: Hub | None = None,
        **topics: bool,
    ) -> Ear:
        who = tenant.callers[role]
        bearer = Bearer(who.user_id, None, datetime.now(UTC) + expires_in)
        app.state.hub.look_every_s = 0.02
        stream = Stream(hub or app.state.hub, app.state.database, bearer, who, last_id, heartbeat_s)
        opened.append(Ear(stream.frames(**topics)))
        return opened[-1]

    return begun


async def test_a_listener_is_told_of_a_change_with_the_thing_as_it_is(app_client, tenant, plan, listen):
    _, (first, _) = await plan()
    ear = listen()
    name, place, _ = await ear.next()
    assert (name, bool(place)) == ("ready", True)
    started = await app_client.post(f"/stages/{first['id']}/start", headers=tenant.planner)
    events = [await ear.next(), await ear.next()]
    assert [(name, data["entity"], data["op"]) for name, _, data in events] == [
        ("change", "work_order", "updated"),
        ("change", "stage", "updated"),
    ]
    assert events[1][2]["data"] == started.json()
    # together they came, so only the last has the place from which one goes on
    assert [place is not None for _, place, _ in events] == [False, True]
    await ear.close()


async def test_who_comes_back_with_the_last_id_is_told_what_happened_meanwhile(app_client, tenant, plan, listen):
    _, (first, second) = await plan()
    ear = listen()
    _, place, _ = await ear.next()
    await ear.close()
    for stage in (first, second):
        await app_client.post(f"/stages/{stage['id']}/hold", headers=tenant.planner)
    again = listen(last_id=place)
    assert (await again.next())[0] == "ready"
    told = [await again.next(), await again.next()]
    assert [data["id"] for _, _, data in told] == [first["id"], second["id"]]
    await again.close()


async def test_a_pulls_cursor_is_an_id_and_the_other_way_round(app_client, tenant, plan, phone, listen):
    _, (first, _) = await plan()
    mine = phone(tenant.planner)
    await mine.pull()
    await app_client.post(f"/stages/{first['id']}/hold", headers=tenant.planner)
    ear = listen(last_id=mine.cursor)
    assert (await ear.next())[0] == "ready"
    name, place, data = await ear.next()
    assert (name, data["id"]) == ("change", first["id"])
    mine.cursor = place
    assert await mine.pull() == []
    await ear.close()


@pytest.mark.parametrize("last_id", ["nonsense", "WzEsMSxmYWxzZSwxLDAsLTEsMF0"])
async def test_an_id_that_cannot_be_gone_on_from_is_told_so(tenant, plan, listen, last_id):
    await plan()
    ear = listen(last_id=last_id)
    name, place, _ = await ear.next()
    assert (name, bool(place)) == ("reset", True)
    await ear.close()


async def test_a_worker_is_told_of_his_stages_only_and_of_their_loss(app_client, tenant, plan, listen):
    order, (first, second) = await plan()
    ear = listen(Role.WORKER)
    assert (await ear.next())[0] == "ready"
    worker = tenant.callers[Role.WORKER].user_id
    await app_client.post(f"/stages/{second['id']}/hold", headers=tenant.planner)
    body = {"user_id": worker}
    await app_client.post(f"/stages/{first['id']}/assignments", json=body, headers=tenant.planner)
    told = [(await ear.next())[2] for _ in range(2)]
    assert [(each["entity"], each["id"], each["op"]) for each in told] == [
        ("work_order", order["id"], "created"),
        ("stage", first["id"], "created"),
    ]
    await app_client.delete(f"/stages/{first['id']}/assignments/{worker}", headers=tenant.planner)
    gone = [(await ear.next())[2] for _ in range(2)]
    assert [(each["entity"], each["op"]) for each in gone] == [("stage", "deleted"), ("work_order", "deleted")]
    await ear.close()


async def test_a_stream_beats_while_nothing_happens_and_ends_with_its_token(listen):
    ear = listen(heartbeat_s=0.05, expires_in=timedelta(seconds=0.4), machines=False)
    assert await ear.raw() == b"retry: 3000\n\n"
    assert (await ear.next())[0] == "ready"
    assert await ear.raw() == b": heartbeat\n\n"
    assert await ear.next() == ("end", None, {"reason": "token_expired"})
    with pytest.raises(StopAsyncIteration):
        await ear.raw()


async def test_who_is_deactivated_is_listened_to_no_more(app_client, tenant, listen):
    ear = listen(Role.WORKER, heartbeat_s=0.05)
    await ear.next()
    worker = tenant.callers[Role.WORKER].user_id
    await app_client.post(f"/auth/users/{worker}/deactivate", headers=tenant.admin)
    assert await ear.next() == ("end", None, {"reason": "signed_out"})


async def test_a_listener_who_is_demoted_begins_anew(app_client, tenant, plan, listen):
    await plan()
    ear = listen(Role.PLANNER)
    await ear.next()
    planner = tenant.callers[Role.PLANNER].user_id
    await app_client.patch(f"/auth/users/{planner}/role", json={"role": "worker"}, headers=tenant.admin)
    assert (await ear.next())[0] == "reset"
    await ear.close()


@pytest.fixture
async def press(app, app_client, tenant) -> Sender:
    """A gateway whose tags are a machine's."""
    async with app.state.database.transaction() as session:
        await machines.create(session, Operator(tenant.organization_id), MachineIn(code="P-1", name="Press"))
        made = await gateways.create(session, Operator(tenant.organization_id), f"hall-{uuid.uuid4().hex[:6]}")
    caller = GatewayCaller(made.id, tenant.organization_id, made.name)
    return Sender(caller, made.token, app_client, app.state.database)


async def test_a_machines_news_come_as_one_event_with_what_it_is_doing(press, listen):
    now_us = int(datetime.now(UTC).timestamp()) * 1_000_000 - 60_000_000
    await press.send(states("producing", ts=now_us))
    await press.send(rows(20.0, 21.0, ts=now_us))
    ear = listen(changes=False)
    name, place, data = await ear.next()
    assert (name, place, data["runtime_status"]) == ("machine", None, "running")
    assert {value["tag"]: value["value"] or value["text"] for value in data["values"]} == {
        "mode": "producing",
        "temp": 21.0,
    }
    for value in range(30, 40):  # ten batches within a second
        await press.send(rows(float(value), ts=now_us + value * 1_000_000))
    name, _, data = await ear.next()
    told = [value["value"] for value in data["values"]]
    while told[-1] != 39.0:
        _, _, data = await ear.next()
        told += [value["value"] for value in data["values"]]
    assert len(told) < 10, "one event a second, not one a batch"
    late = listen(changes=False)
    _, _, data = await late.next()
    assert len(data["values"]) == 2, "who comes later begins with the newest of each tag"
    await ear.close()
    await late.close()


async def test_a_machines_news_are_told_in_its_own_organization_only(app, press, new_tenant, listen):
    other = await new_tenant()
    bearer = Bearer(other.callers[Role.ADMIN].user_id, None, datetime.now(UTC) + timedelta(seconds=1))
    app.state.hub.look_every_s = 0.02
    stream = Stream(app.state.hub, app.state.database, bearer, other.callers[Role.ADMIN], None, 60)
    theirs, ours = Ear(stream.frames()), listen(changes=False)
    assert (await theirs.next())[0] == "ready"
    await press.send(rows(20.0, ts=int(datetime.now(UTC).timestamp()) * 1_000_000))
    assert (await ours.next())[0] == "machine"
    assert (await theirs.next())[0] == "end"
    await ours.close()


async def test_there_is_an_end_to_how_many_listen(app_client, app, tenant):
    crowd = [app.state.hub.listening(tenant.organization_id, to_machines=False) for _ in range(hubs.MOST)]
    for each in crowd:
        each.__enter__()
    refused = await app_client.get("/events", headers=tenant.worker)
    assert (refused.status_code, refused.json()["error_code"]) == (503, "EVENTS_FULL")
    assert refused.headers["Retry-After"] == "10"
    for each in crowd:
        each.__exit__(None, None, None)


@asynccontextmanager
async def served(settings) -> AsyncIterator[str]:
    # it listens at once; who connects before the application has started waits in the socket's queue
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(create_app(settings), log_config=None, timeout_graceful_shutdown=1, loop="none")
        server = uvicorn.Server(config)
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve(sockets=[listener]))
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            server.should_exit = True


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
async def test_over_http_a_listener_at_one_worker_hears_what_is_done_at_another(
    settings, app_client, tenant, plan, prefix
):
    _, (first, _) = await plan()
    async with served(settings) as base, httpx.AsyncClient(base_url=base, timeout=60) as other_worker:
        async with other_worker.stream("GET", f"{prefix}/events", headers=tenant.planner) as stream:
            assert stream.status_code == 200
            assert stream.headers["Content-Type"].startswith("text/event-stream")
            assert stream.headers["X-Accel-Buffering"] == "no"
            lines = stream.aiter_lines()
            seen: list[str] = []
            while not any(line == "event: ready" for line in seen):
                seen.append(await anext(lines))
            await app_client.post(f"/stages/{first['id']}/hold", headers=tenant.planner)
            while not any(line.startswith('data: {"entity":"stage"') for line in seen):
                seen.append(await anext(lines))
        refused = await other_worker.get(f"{prefix}/events")
        assert refused.status_code == 401

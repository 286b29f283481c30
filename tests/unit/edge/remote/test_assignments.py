"""Configurations of the cloud's: each tried once, told until it is known, the last good one kept for every start."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.config.composing import beside
from edge.config.files import Files
from edge.errors import Unreachable
from edge.live.apply import Outcome, Verdict
from edge.live.difference import Difference
from edge.live.memory import Good, Remembered
from edge.remote.assignments import FILE, Assignments
from edge.settings import Settings, load
from edge.sync.client import CloudClient
from edge.sync.office import Office
from tests.fakes.http_cloud import HttpCloud, Request, answer, problem

OWN = """\
version: 1
gateway: {id: hall-2}
cloud: {url: "https://cloud.example.com", token: "${env:TOKEN}", configures: devices}
buffer: {path: state/buffer.db}
connections:
  line-a: {modbus: tcp, host: 10.0.0.1}
devices:
  - {name: own, on: line-a, tags: {count: {register: holding 0}}}
"""
SOUND = "devices:\n  - {name: theirs, on: line-a, tags: {count: {register: holding 0}}}\n"
ENVIRON = {"TOKEN": "tzg_token"}


class Governor:
    """A cloud with one configuration for the gateway."""

    def __init__(self, server: HttpCloud) -> None:
        self.version, self.document = 1, SOUND
        self.fetched = 0
        self.told: list[tuple[int, str, str]] = []
        self.hears = True
        server.behave = self

    async def __call__(self, request: Request, writer: asyncio.StreamWriter) -> None:
        if request.line.startswith("GET"):
            self.fetched += 1
            told = {"version": self.version, "document": self.document, "note": "", "set_by": "ayse"}
            writer.write(answer("200 OK", json.dumps({"data": told}).encode()))
        elif not self.hears:
            writer.write(problem("503 Service Unavailable", "UNAVAILABLE", "later"))
        else:
            told = json.loads(request.body)
            self.told.append((told["version"], told["outcome"], told["detail"]))
            writer.write(answer("204 No Content"))


class Plant:
    """A gateway's directory, and what is tried on its machines."""

    def __init__(self, directory: Path, server: HttpCloud) -> None:
        self.file = directory / "edge.yaml"
        self.file.write_text(OWN, encoding="utf-8")
        self.state = directory / "state"
        self.state.mkdir()
        self.client = CloudClient(server.url, "tzg_token")
        self.tried: list[Settings] = []
        self.verdict = Verdict.APPLIED

    def begin(self) -> Assignments:
        return Assignments(self.state, self.file, ENVIRON, Office(self.client))

    async def take(self, settings: Settings) -> Outcome:
        self.tried.append(settings)
        return Outcome(self.verdict, f"said {self.verdict}", Difference())

    def start(self, remembered: Remembered | None = None) -> tuple[Assignments, set[str]]:
        """Begin anew; returns which devices are read."""
        begun = self.begin()
        settings = begun.settings_to_start(load(self.file, ENVIRON), remembered or Remembered())
        return begun, {point.device for connection in settings.connections for point in connection.points}


@pytest.fixture
async def server() -> AsyncIterator[HttpCloud]:
    async with HttpCloud().serving() as server:
        yield server


@pytest.fixture
def cloud(server: HttpCloud) -> Governor:
    return Governor(server)


@pytest.fixture
async def plant(tmp_path: Path, server: HttpCloud) -> AsyncIterator[Plant]:
    plant = Plant(tmp_path, server)
    yield plant
    await plant.client.close()


async def test_one_that_is_applied_is_told_and_every_start_begins_with_it(cloud: Governor, plant: Plant) -> None:
    begun = plant.begin()
    for _ in range(3):
        await begun.follow(1, plant.take)
    assert (cloud.fetched, len(plant.tried)) == (1, 1)
    assert cloud.told == [(1, "applied", "said applied")]
    assert (begun.version, begun.notes()) == (1, [])
    again, devices = plant.start()
    assert devices == {"theirs"}
    await again.follow(1, plant.take)
    assert (cloud.fetched, len(cloud.told)) == (1, 1)


async def test_one_that_is_wrong_never_comes_near_the_machines_and_says_every_mistake(
    cloud: Governor, plant: Plant
) -> None:
    begun = plant.begin()
    await begun.follow(1, plant.take)
    cloud.version, cloud.document = 2, SOUND.replace("line-a", "line-z").replace("register", "regster")
    for _ in range(3):
        await begun.follow(2, plant.take)
    assert len(plant.tried) == 1
    (_, (version, outcome, detail)) = cloud.told
    assert (version, outcome) == (2, "refused")
    assert [line.partition(":")[0] for line in detail.splitlines()] == ["line 2"] * len(detail.splitlines())
    assert "line-z" in detail
    assert str(plant.state.parent) not in detail
    assert begun.notes()[0].startswith("configuration 2 of the cloud's was refused, and version 1 runs: line 2:")
    assert plant.start()[1] == {"theirs"}


async def test_one_that_is_rolled_back_is_not_tried_again_and_the_one_before_stays(
    cloud: Governor, plant: Plant
) -> None:
    begun = plant.begin()
    await begun.follow(1, plant.take)
    plant.verdict = Verdict.ROLLED_BACK
    cloud.version, cloud.document = 2, SOUND.replace("theirs", "worse")
    await begun.follow(2, plant.take)
    assert cloud.told[-1] == (2, "rolled_back", "said rolled_back")
    again, devices = plant.start()
    assert devices == {"theirs"}
    await again.follow(2, plant.take)
    assert len(plant.tried) == 2


async def test_one_whose_time_has_not_come_waits_for_the_next_sign_of_life(cloud: Governor, plant: Plant) -> None:
    begun = plant.begin()
    plant.verdict = Verdict.REFUSED
    await begun.follow(1, plant.take)
    assert cloud.told == []
    assert "waits" in begun.notes()[0]
    plant.verdict = Verdict.APPLIED
    await begun.follow(1, plant.take)
    assert [outcome for _, outcome, _ in cloud.told] == ["applied"]
    assert begun.notes() == []


async def test_what_became_of_it_is_told_until_the_cloud_knows_over_a_restart_too(
    cloud: Governor, plant: Plant
) -> None:
    cloud.hears = False
    begun = plant.begin()
    with pytest.raises(Unreachable):
        await begun.follow(1, plant.take)
    assert begun.version == 1
    cloud.hears = True
    again, _ = plant.start()
    await again.follow(1, plant.take)
    await again.follow(1, plant.take)
    assert cloud.told == [(1, "applied", "said applied")]
    assert len(plant.tried) == 1


async def test_a_gateway_that_may_not_be_configured_says_so_and_stays_as_it_is(cloud: Governor, plant: Plant) -> None:
    plant.file.write_text(OWN.replace(", configures: devices", ""), encoding="utf-8")
    begun = plant.begin()
    for _ in range(2):
        await begun.follow(1, plant.take)
    ((_, outcome, detail),) = cloud.told
    assert outcome == "refused"
    assert "cloud.configures" in detail
    assert plant.tried == []
    # and once it may, after the restart that this needs, it is
    plant.file.write_text(OWN, encoding="utf-8")
    again, devices = plant.start()
    assert devices == {"own"}
    await again.follow(1, plant.take)
    assert cloud.told[-1][1] == "applied"


async def test_a_gateway_that_is_killed_during_a_trial_comes_back_with_the_one_before(
    cloud: Governor, plant: Plant
) -> None:
    begun = plant.begin()
    await begun.follow(1, plant.take)
    at_trial = b""

    async def killed(settings: Settings) -> Outcome:
        nonlocal at_trial
        at_trial = (plant.state / FILE).read_bytes()
        return await plant.take(settings)

    cloud.version, cloud.document = 2, SOUND.replace("theirs", "killing")
    await begun.follow(2, killed)
    (plant.state / FILE).write_bytes(at_trial)
    again, devices = plant.start(Remembered(trial="whatever is on trial"))
    assert devices == {"theirs"}
    assert "ended abruptly" in again.notes()[0]
    await again.follow(2, plant.take)
    assert cloud.told[-1] == (2, "rolled_back", "the gateway ended abruptly while it was on trial")

    # killed after it was found good, and before that was written down here
    (plant.state / FILE).write_bytes(at_trial)
    contents = {str(beside(plant.file).absolute()): cloud.document.encode()}
    _, devices = plant.start(Remembered(good=Good(str(plant.file), contents)))
    assert devices == {"killing"}


async def test_a_gateway_that_is_stopped_during_a_trial_tries_it_again(cloud: Governor, plant: Plant) -> None:
    begun, on_trial = plant.begin(), asyncio.Event()

    async def slowly(settings: Settings) -> Outcome:
        on_trial.set()
        await asyncio.Event().wait()
        return await plant.take(settings)

    task = asyncio.create_task(begun.follow(1, slowly))
    await on_trial.wait()
    task.cancel()
    await asyncio.wait([task])
    again, devices = plant.start()
    assert (devices, again.notes()) == ({"own"}, [])
    await again.follow(1, plant.take)
    assert cloud.told == [(1, "applied", "said applied")]


async def test_an_own_file_that_does_not_go_with_it_any_more_starts_alone_and_says_so(
    cloud: Governor, plant: Plant
) -> None:
    await plant.begin().follow(1, plant.take)
    plant.file.write_text(OWN.replace("line-a", "line-b"), encoding="utf-8")
    again, devices = plant.start()
    assert devices == {"own"}
    assert "its own file alone runs" in again.notes()[0]
    await again.follow(1, plant.take)
    assert cloud.told[-1][:2] == (1, "refused")
    plant.file.write_text(OWN, encoding="utf-8")
    mended, _ = plant.start()
    await mended.follow(1, plant.take)
    assert cloud.told[-1][:2] == (1, "applied")


@pytest.mark.parametrize("content", [b"", b"{", b'{"in_force": 3}', b"\xff"])
async def test_a_damaged_note_is_passed_over_and_the_cloud_asked_again(
    cloud: Governor, plant: Plant, content: bytes
) -> None:
    (plant.state / FILE).write_bytes(content)
    begun, devices = plant.start()
    assert devices == {"own"}
    await begun.follow(1, plant.take)
    assert begun.version == 1


async def test_a_file_that_is_applied_by_hand_goes_with_what_the_cloud_set(cloud: Governor, plant: Plant) -> None:
    begun = plant.begin()
    await begun.follow(1, plant.take)
    plant.file.write_text(OWN.replace("10.0.0.1", "10.0.0.7"), encoding="utf-8")
    settings = begun.load(plant.file)
    assert {point.device for point in settings.connections[0].points} == {"theirs"}
    assert "10.0.0.7" in str(settings.connections[0].options)
    assert Files().holds(beside(plant.file)) is False

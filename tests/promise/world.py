"""One world for the model: gateways on real files, networks that may do anything, and a cloud or two.

The gateway's parts are the real ones: the buffer on a SQLite file, the shipper, the wire. Time is moved by hand, the
network delivers what and when it is told to, and what the buffer gives to its thread is waited for; so the same steps
always give the same run.
"""

import asyncio
import random
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.buffer.destinations import Target
from edge.buffer.sqlite import SqliteBuffer
from edge.errors import BatchRefused, Unreachable
from edge.ports import FIRST, Buffer, Lease, Lender, Orders, Sign, Uplink
from edge.sync.shipper import Shipper
from shared.wire.receipt import Receipt
from tests.fakes.clock import HandClock, turns
from tests.fakes.cloud import MemoryCloud
from tests.fakes.readings import TAGS, numbered
from tests.promise.promise import Said, breaches, opened

GATEWAY = "test-gateway"
# the second destination
OFFICE = "office"
# nothing here is about the disk's own promises, so a disk in memory will do, and is faster
_FAST = Path("/dev/shm")
# how long a gateway is down
DOWN_S = 30.0
_HEAL_S = 1.0
_HEALS = 400


class SteppedLoop(asyncio.SelectorEventLoop):
    """Waits for what it gives to a thread, so that nothing depends on how fast that is."""

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        done = self.create_future()
        try:
            done.set_result(executor.submit(func, *args).result())
        except Exception as error:  # noqa: BLE001 - whoever waits for it gets it
            done.set_exception(error)
        return done


@dataclass
class Request:
    """A batch under way. `answer` is the sender's, who may be dead."""

    body: bytes
    answer: asyncio.Future[Receipt]


class Network:
    """Holds every request until it is told what becomes of it; may deliver one again long afterwards.

    Attributes:
        forked: What two gateways had for this cloud, or a disk that was rolled back (see `breaches`).
        is_down: Nobody is there, for as long as it lasts.
    """

    def __init__(self, cloud: MemoryCloud) -> None:
        self.cloud = cloud
        self.under_way: list[Request] = []
        self.past: list[bytes] = []
        self.forked: set[int] = set()
        self.is_down = False

    def arrived(self) -> set[int]:
        """Return the numbers that are stored."""
        return {number for number, _ in opened(self.cloud.bodies()).rows}

    async def send(self, lease: Lease) -> Receipt:
        if self.is_down:
            raise Unreachable("nobody is there")
        request = Request(lease.body, asyncio.get_running_loop().create_future())
        self.under_way.append(request)
        return await request.answer

    async def greet(self, sign: Sign) -> Orders:
        return Orders()

    async def close(self) -> None:
        pass

    def deliver(self, place: int) -> None:
        """Bring a request, and its answer back."""
        request = self._taken(place)
        try:
            receipt = self.cloud.take(request.body)
        except BatchRefused as refusal:
            if not request.answer.done():
                request.answer.set_exception(refusal)
        else:
            if not request.answer.done():
                request.answer.set_result(receipt)

    def lose_answer(self, place: int) -> None:
        """Bring a request; its answer is lost."""
        request = self._taken(place)
        with suppress(BatchRefused):
            self.cloud.take(request.body)
        self._break(request)

    def lose_request(self, place: int) -> None:
        """Lose a request, or so its sender believes: it may still arrive."""
        self._break(self._taken(place))

    def repeat(self, place: int) -> None:
        """Bring once more what was sent before, whoever sent it."""
        with suppress(BatchRefused):
            self.cloud.take(self.past[place % len(self.past)])

    def _taken(self, place: int) -> Request:
        request = self.under_way.pop(place % len(self.under_way))
        self.past.append(request.body)
        return request

    @staticmethod
    def _break(request: Request) -> None:
        if not request.answer.done():
            request.answer.set_exception(Unreachable("the line broke"))


@dataclass
class Life:
    """One gateway process and the directory it works in."""

    directory: Path
    buffer: SqliteBuffer
    tasks: list[asyncio.Task[None]]
    is_alive: bool = True


@dataclass
class Snapshot:
    """A directory as it was, and what had been said and not arrived when it was taken."""

    directory: Path
    after: int
    on_its_way: Mapping[str, set[int]]


class World:
    """Everything there is. The controls replace one of its parts by one that breaks the promise.

    Args:
        cloud: Keeps batches.
        buffer_of: What stands before the buffer.
        uplink_of: What stands before the network; the last one's, if there are two.
        office: The cloud of a second destination, if there is one.
        forgets: Whether a gateway that starts finds its file without the second one's cursor.
    """

    def __init__(
        self,
        cloud: MemoryCloud | None = None,
        buffer_of: Callable[[Buffer], Buffer] = lambda buffer: buffer,
        uplink_of: Callable[[Uplink], Uplink] = lambda uplink: uplink,
        office: MemoryCloud | None = None,
        *,
        forgets: bool = False,
    ) -> None:
        self.loop = SteppedLoop()
        place = _FAST if _FAST.is_dir() else None
        self.root = tempfile.TemporaryDirectory(prefix="tz-world-", dir=place, ignore_cleanup_errors=True)
        self.clock = HandClock()
        self.cloud = MemoryCloud() if cloud is None else cloud
        self.network = Network(self.cloud)
        self.networks = {FIRST: self.network} | ({} if office is None else {OFFICE: Network(office)})
        self.said: dict[int, Said] = {}
        self.promised: set[int] = set()
        self.lives: list[Life] = []
        self.snapshot: Snapshot | None = None
        self.trace: list[object] = []
        self._buffer_of, self._uplink_of, self._forgets = buffer_of, uplink_of, forgets
        self._fork_from: int | None = None
        self._directories = 0
        self._do(self._begin(self._new_directory()))

    def append(self, count: int, tag: int = 0, *, prompt: bool = False, life: int = 0) -> None:
        """Hand readings to a gateway."""
        chosen, first, now_us = self._life(life), len(self.said), self.clock.now_us()
        names = (TAGS[tag].device, TAGS[tag].name)
        numbers = range(first, first + count)
        self.said.update((number, Said(*names, now_us + number - first)) for number in numbers)
        if self._fork_from is not None:
            for network in self.networks.values():
                network.forked.update(numbers)

        def kept(promise: asyncio.Future[None]) -> None:
            if chosen.is_alive and not promise.cancelled() and promise.exception() is None:
                self.promised.update(numbers)

        async def appended() -> None:
            before = self._buffer_of(chosen.buffer)
            promise = await before.append(numbered(first, count, now_us, tag), prompt=prompt)
            promise.add_done_callback(kept)

        self._do(appended())

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self._do(self.clock.advance(seconds))

    def flush(self, life: int = 0) -> None:
        """Commit and seal what was appended."""
        self._do(self._life(life).buffer.flush())

    def network_does(self, what: str, place: int, to: str = FIRST) -> None:
        """Have one request delivered, lost, .. or repeated, by the name of a method of `Network`."""
        network = self.networks[to]
        if network.past if what == "repeat" else network.under_way:
            self.trace.append((what, place, to))
            getattr(network, what)(place)
            self._do(turns(40))

    def office_is(self, *, there: bool) -> None:
        """Let the second cloud go away, or come back."""
        self.networks[OFFICE].is_down = not there

    def crash(self, life: int = 0) -> None:
        """Kill a gateway and start it again on the file that it leaves."""
        self._do(self._start_again(self._life(life), is_stopped=False))

    def stop(self, life: int = 0) -> None:
        """Stop a gateway in order and start it again."""
        self._do(self._start_again(self._life(life), is_stopped=True))

    def take_snapshot(self) -> None:
        """Keep a copy of the directory, as of a virtual machine."""
        here = self._copied(self.lives[0].directory)
        self.snapshot = Snapshot(here, len(self.said), self._on_its_way())

    def restore(self) -> None:
        """Put the snapshot in the place of the gateway that there is."""
        if self.snapshot is not None:
            self._fork(self.snapshot)
            self._do(self._bury(self.lives.pop(0)))
            self.clock.jump(DOWN_S)
            self._do(self._begin(self._copied(self.snapshot.directory), at=0))

    def clone(self) -> None:
        """Start a second gateway on a copy of the first one's directory; both live on."""
        if len(self.lives) == 1:
            here = self._copied(self.lives[0].directory)
            self._fork(Snapshot(here, len(self.said), self._on_its_way()))
            self._do(self._begin(here))

    def end(self) -> dict[str, list[int]]:
        """Start every gateway once more, let the network be good, and return the breaches of the promise."""
        try:
            for place in range(len(self.lives)):
                self.crash(place)
            self._heal()
            return self.breaches()
        finally:
            for life in self.lives:
                self._do(self._bury(life))
            self.loop.close()
            self.root.cleanup()

    def breaches(self) -> dict[str, list[int]]:
        """Return what is not as promised, were this the end; what a second cloud misses bears its name."""
        return {
            promise if name == FIRST else f"{name}: {promise}": numbers
            for name, network in self.networks.items()
            for promise, numbers in breaches(
                self.said, self.promised - network.cloud.poison, opened(network.cloud.bodies()), network.forked
            ).items()
        }

    def walk(self, seed: int, steps: int, *, forks: bool) -> None:
        """Take so many steps at random, clones and snapshots among them or not; the same seed takes the same ones.

        With two clouds, half of the steps are the second one's.
        """
        chance = random.Random(seed)
        # the back-off draws its pauses from it
        random.seed(seed)
        for _ in range(steps):
            step = chance.choices(_STEPS, _FORKING if forks else _PLAIN)[0]
            step(self, chance)
            if OFFICE in self.networks:
                chance.choices(_OFFICES, _WEIGHTS)[0](self, chance)
            self.trace.append((step.__name__, len(self.promised), [batch.seq for batch in self.cloud.order]))

    def _heal(self) -> None:
        for network in self.networks.values():
            network.is_down = False
        for _ in range(_HEALS):
            self.pass_time(_HEAL_S)
            for name, network in self.networks.items():
                while network.under_way:
                    self.network_does("deliver", 0, name)
            for life in self.lives:
                self._do(life.buffer.flush())
            stats = [life.buffer.stats() for life in self.lives]
            is_quiet = not any(network.under_way for network in self.networks.values())
            if is_quiet and not any(one.rows or one.batches for one in stats):
                return
        raise AssertionError(f"it never came to an end: {stats}")

    def _life(self, place: int) -> Life:
        return self.lives[place % len(self.lives)]

    def _fork(self, snapshot: Snapshot) -> None:
        self._fork_from = min(snapshot.after, len(self.said) if self._fork_from is None else self._fork_from)
        for name, network in self.networks.items():
            network.forked.update(snapshot.on_its_way[name], range(snapshot.after, len(self.said)))

    def _on_its_way(self) -> dict[str, set[int]]:
        return {name: self.said.keys() - network.arrived() for name, network in self.networks.items()}

    def _new_directory(self) -> Path:
        self._directories += 1
        return Path(self.root.name, str(self._directories))

    def _copied(self, directory: Path) -> Path:
        return Path(shutil.copytree(directory, self._new_directory()))

    async def _begin(self, directory: Path, at: int | None = None) -> None:
        path = directory / "buffer.db"
        if self._forgets and path.exists():
            await (await self._opened(path, [FIRST])).close()
        buffer = await self._opened(path, self.networks)
        buffer.register(TAGS)
        *others, last = self.networks.items()
        shippers = [Shipper(self._lender(buffer, name), network, self.clock) for name, network in others]
        shippers.append(Shipper(self._lender(buffer, last[0]), self._uplink_of(last[1]), self.clock))
        tasks = [asyncio.create_task(part.run()) for part in (buffer, *shippers)]
        self.lives.insert(len(self.lives) if at is None else at, Life(directory, buffer, tasks))
        await turns(40)

    async def _opened(self, path: Path, names: Iterable[str]) -> SqliteBuffer:
        targets = [Target(name, f"https://{name}") for name in names]
        return await SqliteBuffer.open(path, max_bytes=50_000_000, gateway=GATEWAY, clock=self.clock, targets=targets)

    def _lender(self, buffer: SqliteBuffer, name: str) -> Lender:
        return self._buffer_of(buffer) if name == FIRST else buffer.lender(name)

    async def _start_again(self, life: Life, *, is_stopped: bool) -> None:
        place, directory = self.lives.index(life), life.directory
        if not is_stopped:
            directory = self._copied(directory)
        self.lives.remove(life)
        await self._bury(life, is_stopped=is_stopped)
        self.clock.jump(DOWN_S)
        await self._begin(directory, at=place)

    async def _bury(self, life: Life, *, is_stopped: bool = False) -> None:
        # what a dead one would still hear is no promise, and what it would still send is not sent
        life.is_alive = is_stopped
        for shipping in life.tasks[1:]:
            shipping.cancel()
            with suppress(asyncio.CancelledError):
                await shipping
        await life.buffer.close()
        await life.tasks[0]
        life.is_alive = False

    def _do(self, doing: Coroutine[Any, Any, None]) -> None:
        self.loop.run_until_complete(doing)


def _append(world: World, chance: random.Random) -> None:
    world.append(
        chance.choice((1, 3, 200)), chance.randrange(3), prompt=chance.random() < 0.3, life=chance.randrange(2)
    )


def _pass_time(world: World, chance: random.Random) -> None:
    world.pass_time(chance.choice((0.002, 0.05, 0.6, 11.0)))


def _flush(world: World, chance: random.Random) -> None:
    world.flush(chance.randrange(2))


def _network(world: World, chance: random.Random) -> None:
    world.network_does(
        chance.choice(("deliver", "deliver", "lose_answer", "lose_request", "repeat")), chance.randrange(5)
    )


def _office(world: World, chance: random.Random) -> None:
    world.network_does(
        chance.choice(("deliver", "deliver", "lose_answer", "lose_request", "repeat")), chance.randrange(5), OFFICE
    )


def _office_goes(world: World, _: random.Random) -> None:
    world.office_is(there=False)


def _office_comes(world: World, _: random.Random) -> None:
    world.office_is(there=True)


def _crash(world: World, chance: random.Random) -> None:
    world.crash(chance.randrange(2))


def _stop(world: World, chance: random.Random) -> None:
    world.stop(chance.randrange(2))


def _snapshot(world: World, _: random.Random) -> None:
    world.take_snapshot()


def _restore(world: World, _: random.Random) -> None:
    world.restore()


def _clone(world: World, _: random.Random) -> None:
    world.clone()


_OFFICES = (_office, _office_goes, _office_comes)
# it is away for some thirty steps at a time
_WEIGHTS = (30, 1, 1)
_STEPS = (_append, _pass_time, _flush, _network, _crash, _stop, _snapshot, _restore, _clone)
_FORKING = (30, 25, 5, 40, 6, 2, 2, 1, 1)
# a clone excuses much that nothing else does, so most walks have none
_PLAIN = (30, 25, 5, 40, 6, 2, 0, 0, 0)

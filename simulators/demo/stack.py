"""The demo's stack: cloud, simulators and gateway, started in this order and stopped so that nothing is lost."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any, Self

import httpx

from simulators.demo.children import Child, run_once, script
from simulators.demo.cloud import Cloud
from simulators.demo.patience import Patience, Waiting
from simulators.demo.seed import GATEWAY, ORGANIZATION, document
from simulators.demo.workspace import Ports, Workspace
from simulators.errors import DemoError
from simulators.machine import Machine
from simulators.plant import plant

PATIENCE = Patience()
# a gateway on a machine that is busy with other things
_HEALTH_S = 20.0


class Stack:
    """Three processes of ours and the PostgreSQL inside the cloud's. Each can be started by itself.

    Attributes:
        machines: The simulated plant.
        ledger: File of all that the simulators said.
        password: Of every demo user.
        started_at: No reading of this run is older.
        left: Readings that the last gateway ended by `drain` still had on its disk.
    """

    def __init__(
        self,
        workspace: Workspace,
        ports: Ports,
        held: Callable[[], AbstractContextManager[None]] = nullcontext,
        machines_of_each: int = 4,
        patience: Patience = PATIENCE,
    ) -> None:
        """Prepare; nothing runs yet.

        Args:
            workspace: Where data and logs are kept.
            ports: Where to serve.
            held: Keeps interruptions away while a process is started: one that nobody knows would be left behind.
            machines_of_each: Machines a protocol.
            patience: How long processes are waited for.
        """
        self.workspace = workspace
        self.ports = ports
        self.machines: list[Machine] = plant(machines_of_each)
        self.ledger = workspace.root / "run" / "ledger.csv"
        self.password = workspace.secret("password", size=12)
        self.started_at = datetime.now(UTC)
        self._held = held
        self._machines_of_each = machines_of_each
        self._patience = patience
        self.left = 0
        self._health = httpx.Client(base_url=self.health_address, timeout=_HEALTH_S)
        self._children: dict[str, Child] = {}
        self._cloud: Cloud | None = None

    @property
    def health_address(self) -> str:
        """Where the gateway says how it is."""
        return f"http://127.0.0.1:{self.ports.health}"

    @property
    def cloud_environment(self) -> dict[str, str]:
        """What the cloud's commands must find in their environment."""
        return {
            "TEZGAH_DATABASE_URL": "",  # whatever server the user works with, the demo leaves it alone
            "TEZGAH_DATA_DIR": str(self.workspace.root / "cloud"),
            "SECRET_KEY": self.workspace.secret("secret-key"),
            "TEZGAH_REGISTRATION_ORGANIZATION": ORGANIZATION,
        }

    @property
    def cloud(self) -> Cloud:
        """The API, signed in.

        Raises:
            DemoError: The cloud was not started.
        """
        if self._cloud is None:
            raise DemoError("the cloud was not started")
        return self._cloud

    def begin_anew(self) -> None:
        """Count from now on: what earlier simulators said is behind us."""
        self.started_at = datetime.now(UTC)

    def child(self, name: str) -> Child:
        """Return a running process: `cloud`, `simulators` or `gateway`."""
        return self._children[name]

    def start(self, tell: Callable[[str], None]) -> None:
        """Start everything; values begin to move when the gateway is connected to all of it.

        Args:
            tell: Hears what is being started.

        Raises:
            DemoError: Something did not start; the message holds its last words. `stop` must follow.
        """
        tell("PostgreSQL, the cloud and the simulators")
        self.launch_simulators()
        self.start_cloud()
        self.await_simulators()
        tell("the gateway")
        self.start_gateway()
        self.begin()

    def start_cloud(self, options: Sequence[str] = ()) -> None:
        """Migrate, serve and seed; `options` are given to `tezgah-cloud serve`."""
        self._serve(["--migrate", *options])
        seeds = json.dumps(document(self.machines, self.password, self.started_at))
        command = [script("tezgah-cloud"), "seed", "-", "--json"]
        seeded = json.loads(
            run_once(
                command, self.cloud_environment, self.workspace.root, input=seeds, timeout_s=self._patience.start_s
            )
        )
        for gateway in seeded["gateways"]:
            if gateway["id"] == GATEWAY and gateway.get("token"):
                self.workspace.keep("gateway-token", gateway["token"])
        self._cloud = Cloud(self._api_address, "admin", self.password)

    def _serve(self, options: Sequence[str]) -> None:
        command = [script("tezgah-cloud"), "serve", "--host", "127.0.0.1", "--port", str(self.ports.api), *options]
        child = self._start("cloud", command, self.cloud_environment)
        self._await(child, self._is_serving)

    def _is_serving(self) -> tuple[bool, object]:
        answer = httpx.get(f"{self._api_address}/health/ready", timeout=5)
        return answer.status_code == 200, answer.text

    @property
    def _api_address(self) -> str:
        return f"http://127.0.0.1:{self.ports.api}"

    def launch_simulators(self, options: Sequence[str] = ()) -> None:
        """Begin to serve the plant, its values standing still; `options` are given to `tezgah-sim run`."""
        ports = self.ports
        command = [script("tezgah-sim"), "run", "--wait", "--control-port", "0", "--ledger", str(self.ledger)]
        command += ["--machines", str(self._machines_of_each), *options]
        for protocol, port in (("opcua", ports.opcua), ("modbus", ports.modbus), ("mqtt", ports.mqtt)):
            command += [f"--{protocol}-port", str(port)]
        self._start("simulators", command, {}, talks=True)

    def await_simulators(self) -> None:
        """Wait until the simulators listen."""
        self._children["simulators"].hear()

    def start_gateway(self, config: Path | None = None, command: Sequence[str] = ()) -> None:
        """Start the daemon and wait until it is connected to everything (see `launch_gateway`)."""
        connected: set[str] = set()

        def look() -> tuple[bool, object]:
            connections = self.health()["connections"]
            up = {connection["name"] for connection in connections if connection["state"] == "up"}
            connected.update(up)
            return len(up) == len(connections), f"{', '.join(sorted(connected)) or 'nothing'} connected"

        self._await(self.launch_gateway(config, command), look)

    def launch_gateway(self, config: Path | None = None, command: Sequence[str] = ()) -> Child:
        """Start the daemon.

        Args:
            config: Its configuration; the demo's own if None.
            command: What runs it instead of `tezgah-edge`.
        """
        if config is None:
            config = self.workspace.root / "edge.yaml"
            text = resources.files("simulators.demo").joinpath("edge.yaml").read_text(encoding="utf-8")
            config.write_text(text, encoding="utf-8")
        words = [*(command or [script("tezgah-edge")]), "run", str(config)]
        return self._start("gateway", words, self.gateway_environment)

    @property
    def gateway_environment(self) -> dict[str, str]:
        """What the demo's configuration of the gateway refers to."""
        names = {"API": "api", "OPCUA": "opcua", "MODBUS": "modbus", "MQTT": "mqtt", "HEALTH": "health"}
        ports = {f"DEMO_{name}_PORT": str(getattr(self.ports, field)) for name, field in names.items()}
        token = self.workspace.secret("gateway-token")
        return {**ports, "DEMO_GATEWAY_TOKEN": token, "TEZGAH_EDGE_LOG_FORMAT": "json"}

    def health(self) -> dict[str, Any]:
        """Return what the gateway says of itself."""
        health: dict[str, Any] = self._health.get("/health").json()
        return health

    def begin(self) -> int:
        """Let values move; return how many readings were said before."""
        return self._tell_simulators("begin")

    def runs(self, name: str) -> bool:
        """Whether a process was started and not stopped."""
        return name in self._children

    def kill(self, name: str) -> None:
        """Kill a process this instant."""
        self._children.pop(name).kill()

    def await_end(self, name: str) -> int:
        """Wait until a process ends by itself, and return its exit code."""
        return self._children.pop(name).wait(self._patience.start_s)

    def emitted(self) -> int:
        """Return how many readings the simulators said so far; all of them are in the ledger's file."""
        return self._tell_simulators("count")

    def _tell_simulators(self, command: str) -> int:
        child = self._children["simulators"]
        child.say(command)
        return int(json.loads(child.hear())["emitted"])

    def check(self) -> None:
        """Make sure that everything runs.

        Raises:
            DemoError: A process has ended.
        """
        for child in self._children.values():
            child.check()

    def drain(self) -> int:
        """Bring all that was said to the cloud and stop gateway and simulators.

        Returns:
            How many readings the gateway had on its disk, by its own last words.

        Raises:
            DemoError: The gateway did not end well.
        """
        self._tell_simulators("quiet")
        self._await_settled()
        committed = self.end_gateway()
        self.emitted()
        self._children["simulators"].stop(self._patience.stop_s)
        del self._children["simulators"]
        return committed

    def end_gateway(self) -> int:
        """Stop the gateway, and return how many readings it had on its disk; `left` says how many it still has.

        Raises:
            DemoError: It did not end well.
        """
        gateway = self._children["gateway"]
        code = gateway.stop(self._patience.stop_s)  # and only then forgotten: whoever breaks this off must find it
        del self._children["gateway"]
        if code != 0:
            raise DemoError(f"the gateway ended with exit code {code}:\n{gateway.last_words()}")
        last = json.loads(gateway.log_lines()[-1])
        if last["event"] != "gateway stopped":
            raise DemoError(f"the gateway did not say its last words:\n{gateway.last_words()}")
        self.left = int(last["waiting"])
        return int(last["committed"])

    def _await_settled(self) -> None:
        """Wait until what pushes has nothing under way; Modbus goes on being polled."""
        deadline = time.monotonic() + self._patience.settle_limit_s
        waiting = Waiting(self._patience.settled_s)
        while waiting.goes_on(self._pushed()) and time.monotonic() < deadline:
            time.sleep(0.1)

    def _pushed(self) -> int:
        pushed = (entry for entry in self.health()["connections"] if entry["protocol"] != "modbus")
        return sum(entry["readings"] for entry in pushed)

    def stop(self) -> None:
        """Stop whatever still runs, the cloud last; leaves no process behind."""
        self._health.close()
        if self._cloud is not None:
            self._cloud.close()
        while self._children:
            _, child = self._children.popitem()
            child.stop(self._patience.stop_s)

    def _start(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], *, talks: bool = False
    ) -> Child:
        with self._held():
            child = Child(name, command, environment, self.workspace, talks=talks)
            self._children[name] = child
        return child

    def _await(self, child: Child, look: Callable[[], tuple[bool, object]]) -> None:
        """Wait until a process is ready, as long as it has something to say, and what it answers then changes."""
        waiting, answer = Waiting(self._patience.start_s), None
        while waiting.goes_on(answer or child.said_bytes):
            child.check()
            try:
                is_ready, answer = look()
                if is_ready:
                    return
            except httpx.TransportError:
                pass  # it does not listen yet
            time.sleep(0.05)
        stood = f"nothing moved for {self._patience.start_s:g} s" + (f", it answers {answer}" if answer else "")
        raise DemoError(f"{child.name} is not ready; {stood}:\n{child.last_words()}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

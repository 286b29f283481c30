"""The demo's stack: cloud, simulators and gateway, started in this order and stopped so that nothing is lost."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import resources
from typing import Any, Self

import httpx

from simulators.demo.children import Child, run_once, script
from simulators.demo.cloud import Cloud
from simulators.demo.seed import GATEWAY, document
from simulators.demo.workspace import Ports, Workspace
from simulators.errors import DemoError
from simulators.plant import plant

# a first start has a database to make; a later one is ready in two or three seconds
_START_S = 60.0
# the gateway's publishing interval and its commit take 0.3 s; nothing new for this long means that nothing is under way
_SETTLED_S = 1.0
_SETTLE_LIMIT_S = 15.0


class Stack:
    """Three processes of ours and the PostgreSQL inside the cloud's."""

    def __init__(self, workspace: Workspace, ports: Ports) -> None:
        self._workspace = workspace
        self._ports = ports
        self._children: list[Child] = []
        self._health = httpx.Client(base_url=f"http://127.0.0.1:{ports.health}", timeout=5)
        self.health_address = f"http://127.0.0.1:{ports.health}"
        self.password = workspace.secret("password")
        self.ledger = workspace.root / "run" / "ledger.csv"
        self.started_at = datetime.now(UTC)
        self.cloud: Cloud

    def start(self, tell: Callable[[str], None]) -> None:
        """Start everything; values begin to move when the gateway is connected to all of it.

        Args:
            tell: Hears what is being done.

        Raises:
            DemoError: Something did not start; the message holds its last words. `stop` must follow.
        """
        tell("PostgreSQL and the cloud")
        token = self._start_cloud()
        tell("the simulators")
        self._start_simulators()
        tell("the gateway")
        self._start_gateway(token)
        self._simulators.say("begin")
        self._simulators.hear()

    def _start_cloud(self) -> str:
        root = self._workspace.root
        environment = {
            "TEZGAH_DATA_DIR": str(root / "cloud"),
            "TEZGAH_DATABASE_URL": "",
            "SECRET_KEY": self._workspace.secret("secret-key"),
        }
        cloud = script("tezgah-cloud")
        run_once([cloud, "migrate"], environment, timeout_s=_START_S)
        seeds = json.dumps(document(plant(), self.password, self.started_at))
        seeded = json.loads(run_once([cloud, "seed", "-", "--json"], environment, input=seeds))
        command = [cloud, "serve", "--host", "127.0.0.1", "--port", str(self._ports.api)]
        child = self._start("cloud", command, environment)
        address = f"http://127.0.0.1:{self._ports.api}"
        self._await(child, lambda: httpx.get(f"{address}/health/ready", timeout=5).status_code == 200)
        self.cloud = Cloud(address, "admin", self.password)
        return self._gateway_token(seeded)

    def _gateway_token(self, seeded: dict[str, Any]) -> str:
        """Return the gateway's token, which the cloud says only when it makes the gateway; kept for later starts."""
        path = self._workspace.root / "run" / "gateway-token.secret"
        for gateway in seeded["gateways"]:
            if gateway["id"] == GATEWAY and gateway.get("token"):
                path.touch(mode=0o600)
                path.write_text(gateway["token"], encoding="utf-8")
        return path.read_text(encoding="utf-8")

    def _start_simulators(self) -> None:
        ports = self._ports
        command = [script("tezgah-sim"), "run", "--wait", "--ledger", str(self.ledger)]
        for protocol, port in (("opcua", ports.opcua), ("modbus", ports.modbus), ("mqtt", ports.mqtt)):
            command += [f"--{protocol}-port", str(port)]
        self._simulators = self._start("simulators", command, {}, talks=True)
        self._simulators.hear()

    def _start_gateway(self, token: str) -> None:
        ports = self._ports
        config = self._workspace.root / "edge.yaml"
        config.write_text(resources.files("simulators.demo").joinpath("edge.yaml").read_text(encoding="utf-8"))
        environment = {
            "DEMO_API_PORT": str(ports.api),
            "DEMO_OPCUA_PORT": str(ports.opcua),
            "DEMO_MODBUS_PORT": str(ports.modbus),
            "DEMO_MQTT_PORT": str(ports.mqtt),
            "DEMO_HEALTH_PORT": str(ports.health),
            "DEMO_GATEWAY_TOKEN": token,
        }
        state = self._workspace.root / "edge"
        command = [script("tezgah-edge"), "run", str(config), "--state-dir", str(state)]
        self._gateway = self._start("gateway", command, environment)
        self._await(self._gateway, self._is_connected)

    def _is_connected(self) -> bool:
        connections = self.health()["connections"]
        return all(connection["state"] == "up" for connection in connections)

    def health(self) -> dict[str, Any]:
        """Return what the gateway says of itself."""
        health: dict[str, Any] = self._health.get("/health").json()
        return health

    def emitted(self) -> int:
        """Return how many readings the simulators said so far."""
        self._simulators.say("count")
        return int(json.loads(self._simulators.hear())["emitted"])

    def check(self) -> None:
        """Make sure that everything runs.

        Raises:
            DemoError: A process has ended.
        """
        for child in self._children:
            child.check()

    def drain(self) -> int:
        """Bring all that was said to the cloud and stop the gateway; return how many readings it took.

        Raises:
            DemoError: The gateway did not end well.
        """
        self._simulators.say("quiet")
        self._simulators.hear()
        self._await_settled()
        code = self._gateway.stop(timeout_s=12)
        if code != 0:
            raise DemoError(f"the gateway ended with exit code {code}:\n{self._gateway.last_words()}")
        self._children.remove(self._gateway)
        return self._simulators_emitted()

    def _simulators_emitted(self) -> int:
        emitted = self.emitted()
        self._simulators.say("stop")
        self._simulators.stop(timeout_s=8)
        self._children.remove(self._simulators)
        return emitted

    def _await_settled(self) -> None:
        """Wait until the protocols that push have nothing under way; Modbus goes on being polled."""
        deadline = time.monotonic() + _SETTLE_LIMIT_S
        taken, since = -1, time.monotonic()
        while time.monotonic() < min(deadline, since + _SETTLED_S):
            now_taken = sum(
                connection["readings"]
                for connection in self.health()["connections"]
                if connection["protocol"] != "modbus"
            )
            if now_taken != taken:
                taken, since = now_taken, time.monotonic()
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop whatever still runs, the cloud last; leaves no process behind."""
        self._health.close()
        if hasattr(self, "cloud"):
            self.cloud.close()
        for child in reversed(self._children):
            child.stop(timeout_s=12)
        self._children.clear()

    def _start(self, name: str, command: list[str], environment: dict[str, str], *, talks: bool = False) -> Child:
        child = Child(name, command, environment, self._workspace.log(name), talks=talks)
        self._children.append(child)
        return child

    def _await(self, child: Child, is_ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            child.check()
            try:
                if is_ready():
                    return
            except httpx.TransportError:
                pass  # it does not listen yet
            time.sleep(0.05)
        raise DemoError(f"{child.name} was not ready within {_START_S:g} s:\n{child.last_words()}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

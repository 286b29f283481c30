"""A gateway that a real cloud governs: one Modbus line, a configuration of its own, and an admin at the cloud."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import httpx

from simulators.demo.stack import Stack
from tests.integration.edge.drivers.modbus.counterpart import Counterpart

OWN = """\
version: 1
gateway: {{id: {name}, rollback_after: {rollback_after}}}
cloud: {{url: "http://127.0.0.1:{port}", token: "${{file:edge-token}}"{more}}}
buffer: {{path: state/buffer.db, max_size: 20 MB}}
health: {{listen: "127.0.0.1:0"}}
defaults: {{every: 50ms}}
connections:
  line-a: {{modbus: tcp, host: 127.0.0.1, port: {line}, timeout: 20s}}
devices:
  - {{name: press-a, on: line-a, tags: {{count: {{register: holding 0, type: uint32}}}}}}
"""


class Governed:
    """A gateway's files, and what an admin does at the cloud."""

    def __init__(self, stack: Stack, directory: Path, line: Counterpart, name: str) -> None:
        self.name = name
        self.config = directory / "edge.yaml"
        self.token = directory / "edge-token"
        self._stack = stack
        self._line = line
        self.write()

    def write(self, more: str = "", *, rollback_after: str = "60s") -> None:
        """Write its own configuration; `more` goes into the section `cloud`."""
        fields = {"port": self._stack.ports.api, "line": self._line.port, "rollback_after": rollback_after}
        text = OWN.format(name=self.name, more=more, **fields)
        self.config.write_text(text, encoding="utf-8")

    def move(self, value: int = 8) -> None:
        """Let the line say something new."""
        self._line.units[1].put(3, 0, ">I", value)

    async def enrol(self, code: str, *options: str) -> tuple[int, str]:
        """Run `tezgah-edge enrol`; returns its exit code and all that it said."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "edge", "enrol", str(self.config), code, *options),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, said.decode()

    async def asked(self, method: str, path: str, **more: Any) -> Any:
        """Do something as the cloud's admin, and return the answer's body."""
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self._stack.ports.api}", timeout=30) as client:
            who = {"username": "admin", "password": self._stack.password}
            token = (await client.post("/auth/login", json=who)).json()["access_token"]
            answer = await client.request(method, path, headers={"Authorization": f"Bearer {token}"}, **more)
            assert answer.is_success, answer.text
            return answer.json()

    async def code(self, name: str | None = None) -> str:
        """Return a fresh enrolment code."""
        told = await self.asked("POST", f"/gateways/{name or self.name}/enrolment")
        return str(told["code"])

    async def configure(self, document: str) -> int:
        """Set its next configuration; returns the version."""
        told = await self.asked("PUT", f"/gateways/{self.name}/configuration", json={"document": document})
        return int(told["version"])

    async def shown(self) -> dict[str, Any]:
        """Return the gateway as the cloud shows it."""
        found: dict[str, Any] = await self.asked("GET", f"/gateways/{self.name}")
        return found

    async def is_let_in(self, token: str) -> bool:
        """Whether the cloud takes a token."""
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self._stack.ports.api}", timeout=30) as client:
            answer = await client.post("/gateways/alive", headers={"Authorization": f"Bearer {token}"})
            return answer.status_code == 204

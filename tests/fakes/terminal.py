"""What a command of the command line left behind, and a configuration to give it."""

from collections.abc import Callable
from dataclasses import dataclass

SOUND = """\
version: 1
gateway: {id: hall}
cloud: {url: "http://127.0.0.1:1", token: "${env:TOKEN}"}
buffer: {path: state/buffer.db, max_size: 50 MB}
connections: {line: {modbus: tcp, host: h}, idle: {opcua: "opc.tcp://h:1"}}
devices: [{name: d, on: line, tags: {a: {coil: 1}, b: {coil: 2}}}]
"""


@dataclass
class Done:
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


Tezgah = Callable[..., Done]

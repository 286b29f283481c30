"""Configurations for tests of changing them: lines of a Modbus plant, each with one device."""

from pathlib import Path

from edge.settings import Settings, load

HEAD = """\
version: 1
gateway: {id: hall, rollback_after: 10s}
cloud: {url: "https://cloud", token: "${env:TOKEN}"}
buffer: {path: state/buffer.db}
"""


def settings(directory: Path, *lines: str, head: str = HEAD, **hosts: str) -> Settings:
    """Return a configuration of these lines; each has a device `press-LINE` with a tag `count` of its own host."""
    text = head + "connections:\n"
    for line in lines:
        text += f"  {line}: {{modbus: tcp, host: {hosts.get(line, 'h')}}}\n"
    text += "devices:\n" if lines else "devices: []\n"
    for line in lines:
        text += f"  - {{name: press-{line}, on: {line}, tags: {{count: {{register: holding 0}}}}}}\n"
    path = directory / "edge.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path, {"TOKEN": "t"})

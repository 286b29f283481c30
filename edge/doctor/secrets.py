"""The doctor's look at who may read the secrets that the configuration refers to, and who may change it."""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from edge.config.yamlfile import read
from edge.doctor.diagnosis import Section
from edge.drivers.inspection import Finding, Severity

_FILE = re.compile(r"\$\{file:([^}]+)\}")
# certificates and lists are meant to be read
_PUBLIC = (".crt", ".cer", ".der", ".csv")


def examine(config: Path, environ: Mapping[str, str]) -> Section:
    """Look at the permissions of files; reads no secret but as the daemon does."""
    if os.name != "posix":
        return Section("secrets", [], [("permissions", "not looked at on this system")])
    facts, found = [], [*_writable(config, "configuration")]
    names = {
        match
        for parts in read(config, environ).references.values()
        for reference, _ in parts
        for match in _FILE.findall(reference)
    }
    for name in sorted(names):
        path = config.parent / name
        mode = path.stat().st_mode
        facts.append((f"${{file:{name}}}", stat.filemode(mode)))
        if not name.endswith(_PUBLIC):
            found.extend(_readable(path, mode))
        found.extend(_writable(path, "file"))
    return Section("secrets", found, facts)


def _readable(path: Path, mode: int) -> Iterator[Finding]:
    if mode & (stat.S_IROTH | stat.S_IRGRP):
        who = "everybody on this machine" if mode & stat.S_IROTH else "its whole group"
        message = f"{who} may read it ({stat.filemode(mode)})"
        yield Finding(Severity.WARNING, str(path), message, f"chmod 600 {path}; it belongs to the gateway's user alone")


def _writable(path: Path, what: str) -> Iterator[Finding]:
    mode = path.stat().st_mode
    if mode & stat.S_IWOTH:
        message = f"everybody on this machine may change this {what} ({stat.filemode(mode)})"
        yield Finding(Severity.ERROR, str(path), message, f"chmod o-w {path}")

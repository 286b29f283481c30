"""The demo's processes: started with their output in a log, stopped in order, none left behind."""

import os
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from simulators.demo.workspace import Workspace
from simulators.errors import DemoError

_IS_WINDOWS = sys.platform == "win32"
# a killed process ends at once, but not before what it asked of the disk is done
_BURIED_S = 60.0


def script(name: str) -> str:
    """Return the path of one of our own commands, in the environment that runs this one."""
    suffix = ".exe" if _IS_WINDOWS else ""
    return str(Path(sysconfig.get_path("scripts")) / f"{name}{suffix}")


def run_once(
    command: Sequence[str], environment: Mapping[str, str], directory: Path, *, input: str = "", timeout_s: float = 60
) -> str:
    """Run a command in a directory to its end and return what it printed.

    Raises:
        DemoError: It failed or took too long; the message holds its last words.
    """
    try:
        done = subprocess.run(  # noqa: S603 - our own commands
            command,
            env={**os.environ, **environment},
            cwd=directory,
            input=input,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DemoError(f"`{' '.join(command)}` took longer than {timeout_s:g} s") from error
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines()[-8:]
        raise DemoError(f"`{' '.join(command)}` failed with exit code {done.returncode}:\n" + "\n".join(words))
    return done.stdout


class Child:
    """A process of the demo, in a session of its own so that the terminal's Ctrl-C reaches only the demo."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        workspace: Workspace,
        *,
        talks: bool = False,
    ) -> None:
        """Start it in the workspace; what it prints goes to its log, but what one that talks says is for `hear`."""
        self.name = name
        self._log = workspace.log(name)
        with self._log.open("wb") as errors:
            self._process = subprocess.Popen(  # noqa: S603 - our own commands
                command,
                env={**os.environ, **environment, "PYTHONUNBUFFERED": "1"},
                cwd=workspace.root,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if talks else errors,
                stderr=errors,
                text=True,
                start_new_session=not _IS_WINDOWS,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def said_bytes(self) -> int:
        """How long its log is."""
        return self._log.stat().st_size

    def check(self) -> None:
        """Make sure that it runs.

        Raises:
            DemoError: It has ended; the message holds the end of its log.
        """
        if self._process.poll() is not None:
            raise DemoError(f"{self.name} ended with exit code {self._process.returncode}:\n{self.last_words()}")

    def last_words(self) -> str:
        """Return the last lines of its log, and where the rest is."""
        return "\n".join([*self.log_lines()[-8:], f"(all of it: {self._log})"])

    def log_lines(self) -> list[str]:
        """Return its log so far."""
        return self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()

    def say(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self._process.stdin is not None  # noqa: S101 - opened above
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise DemoError(f"{self.name} hears no more ({error}):\n{self.last_words()}") from error

    def hear(self) -> str:
        """Wait for a line of its standard output.

        Raises:
            DemoError: It ended instead.
        """
        assert self._process.stdout is not None  # noqa: S101 - opened above
        line = self._process.stdout.readline()
        if not line:
            self.wait(_BURIED_S)
            self.check()
        return line

    def kill(self) -> None:
        """End it this instant, as a power cut of its own would."""
        self._process.kill()
        self.wait(_BURIED_S)

    def wait(self, timeout_s: float) -> int:
        """Wait for its end and return its exit code."""
        try:
            code = self._process.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            raise DemoError(f"{self.name} did not end within {timeout_s:g} s:\n{self.last_words()}") from error
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        return code

    def stop(self, timeout_s: float) -> int:
        """Ask it to end, insist after `timeout_s`, and return its exit code (negative: killed)."""
        if self._process.poll() is None:
            self._process.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGTERM))
        try:
            return self.wait(timeout_s)
        except DemoError:
            self.kill()
            return self._process.returncode

"""Asking a running daemon to plan or apply a configuration, from the command line."""

import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from edge.live.control import FILE, Address
from shared.errors import AppError

# for each line of the answer; a trial is as long as its configuration says, so that one has no limit
_TIMEOUT_S = 30.0


class NotListening(AppError):
    """No gateway works in that state directory, or it is not ours to ask."""

    code = "NOT_LISTENING"


def ask(directory: Path, do: str, file: Path) -> Iterator[dict[str, Any]]:
    """Yield what the daemon answers, line by line; it is over when its connection is.

    Raises:
        NotListening: There is nobody to ask.
    """
    yield from _ask(directory, {"do": do, "file": str(file.absolute())})


def ask_buffer(directory: Path, what: str, ns: Sequence[int] = ()) -> Iterator[dict[str, Any]]:
    """Yield what the daemon answers about its buffer (desk.py), piece by piece.

    Raises:
        NotListening: There is nobody to ask.
    """
    yield from _ask(directory, {"buffer": what, "ns": list(ns)})


def _ask(directory: Path, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    request["token"] = (address := _address(directory)).token
    try:
        with socket.create_connection(("127.0.0.1", address.port), timeout=_TIMEOUT_S) as connection:
            connection.sendall(msgspec.json.encode(request) + b"\n")
            with connection.makefile("rb") as lines:
                for line in lines:
                    piece: dict[str, Any] = msgspec.json.decode(line)
                    connection.settimeout(piece.get("within_s", _TIMEOUT_S))
                    yield piece
    except OSError as error:
        raise NotListening(f"the gateway in {directory} does not answer ({error}); is it running?") from error


def _address(directory: Path) -> Address:
    path = directory / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Address)
    except FileNotFoundError:
        raise NotListening(
            f"no gateway works in {directory}; start one with `tezgah-edge run`, or name its --state-dir"
        ) from None
    except PermissionError:
        raise NotListening(f"{path} is its owner's alone; ask as the user that the gateway runs as") from None
    except (OSError, msgspec.MsgspecError) as error:
        raise NotListening(f"{path} cannot be read: {error}") from error

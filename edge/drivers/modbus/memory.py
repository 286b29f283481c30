"""What a connection's devices refused, kept on disk from one run of the gateway to the next.

A small file a connection, in the state directory. It is a convenience: whatever is wrong with it, it is as if there
were none, and the driver learns anew. After a month it is forgotten, as a device may have got a new firmware.
"""

import json
from collections.abc import Collection
from dataclasses import astuple
from pathlib import Path
from urllib.parse import quote

from edge.drivers.modbus.refusals import Extent
from shared import logs

_log = logs.get(__name__)
_LASTS_US = 30 * 86_400_000_000
_DIRECTORY = "modbus"


class Memory:
    """One connection's file. `place` is where the connection leads; what was learned elsewhere is not believed."""

    def __init__(self, state: Path | None, connection: str, place: str) -> None:
        """Prepare; without a state directory nothing is kept."""
        self._file = state / _DIRECTORY / f"{quote(connection, safe='')}.json" if state is not None else None
        self._place = place
        self._since_us: int | None = None

    def read(self, now_us: int) -> list[Extent]:
        """Return what is known; nothing if that is too old, or about another place."""
        if self._file is None:
            return []
        try:
            told = json.loads(self._file.read_text(encoding="utf-8"))
            since_us = int(told["since_us"])
            if told["place"] != self._place or not 0 <= now_us - since_us < _LASTS_US:
                return []
            found = [Extent(*map(int, extent)) for extent in told["refused"]]
        except (OSError, ValueError, KeyError, TypeError):
            return []
        self._since_us = since_us
        return found

    def write(self, refused: Collection[Extent], now_us: int) -> None:
        """Keep what is known, written whole or not at all."""
        if self._file is None:
            return
        since_us = now_us if self._since_us is None else self._since_us
        told = {"place": self._place, "since_us": since_us, "refused": sorted(map(astuple, refused))}
        fresh = self._file.with_suffix(".new")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_text(json.dumps(told), encoding="utf-8")
            fresh.replace(self._file)
        except OSError as error:
            _log.warning("what devices refused is not kept", file=str(self._file), error=str(error))

"""The latest-values board: what it costs a reading, alone, and beside the shaping that every reading passes anyway.

A Modbus block of 62 tags, OPC UA notifications of 100 values of 5,000 tags, and 200 MQTT messages that were taken
together stand for the three protocols. Shaping is a part of what a reading costs on its way to the disk, so the
board's share of the whole is smaller than its share of the sum that is printed. Of the whole - what the issues ask of a
reading from its protocol to the disk, in CPU - it may be 3 %.
"""

import sys
import time
from statistics import median

import numpy as np

from bench.verdict import Verdicts
from edge.acquisition.board import Board
from edge.acquisition.shape import Shaper
from edge.drivers.spec import DeviceOptions, Point, TagOptions
from shared.reading import Readings

ROWS = 200_000
ROUNDS = 7
# with the microseconds that a reading of it may cost in all
CASES = (
    ("Modbus blocks of 62", 62, 62, 2.0),
    ("OPC UA notifications of 100", 100, 5000, 9.0),
    ("200 MQTT messages", 200, 200, 25.0),
)
AT_MOST = 0.03


def blocks(width: int, tags: int) -> list[Readings]:
    """Return blocks of `width` neighbouring tags, as drivers hand them over."""
    random = np.random.default_rng(1)
    zeros, status = np.zeros(width, np.uint8), np.zeros(width, np.uint32)
    made: list[Readings] = []
    # one array for each place, as the Modbus driver has one for each request
    places: dict[int, np.ndarray] = {}
    for number in range(ROWS // width):
        ts = np.full(width, 1_800_000_000_000_000 + number * 1_000, np.int64)
        first = number * width % tags
        if first not in places:
            places[first] = ((np.arange(width) + first) % tags).astype(np.uint32)
        value = np.round(random.normal(20, 0.5, width), 1)
        made.append(Readings(places[first], ts, ts, value, zeros, zeros, status))
    return made


def main() -> int:
    """Print the cost of shaping and of the board; the exit code tells whether what is asked was reached."""
    asked = Verdicts()
    for name, width, tags, whole_us in CASES:
        made = blocks(width, tags)
        points = [Point("d", f"t{n}", 1.0, DeviceOptions(name="d", on="c"), TagOptions()) for n in range(tags)]
        shaping, noting = [], []
        for _ in range(ROUNDS):
            shaper, board = Shaper([point.options for point in points]), Board(points)
            began = time.process_time()
            kept = [shaper.shape(block) for block in made]
            shaped = time.process_time()
            for block, rest in zip(made, kept, strict=True):
                board.note(block, rest)
            noting.append(time.process_time() - shaped)
            shaping.append(shaped - began)
        total = len(made) * width / 1e6
        print(f"{name:28} shaping {median(shaping) / total:6.3f}, board {median(noting) / total:6.3f} us a reading")
        asked.at_most(f"the board's share of {whole_us} us, {name}", median(noting) / total / whole_us, AT_MOST)
    return asked.exit_code()


if __name__ == "__main__":
    sys.exit(main())

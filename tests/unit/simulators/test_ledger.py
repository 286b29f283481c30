import time
from pathlib import Path

from simulators.ledger import Entry, Ledger, entries


def test_what_was_recorded_is_read_back_in_order(tmp_path: Path) -> None:
    said = [("press-01", "oil, hot", 5, 0.1), ("cnc-01", "good", 0, 7.0), ("press-01", "oil, hot", 6, -1e300)]
    with Ledger(tmp_path / "ledger.csv") as ledger:
        for entry in said:
            ledger.record(*entry)
        ledger.flush()
        assert [entry[:4] for entry in entries(tmp_path / "ledger.csv")] == said
        assert ledger.count() == 3


def test_an_entry_without_a_time_of_its_own_tells_when_it_was_said(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.csv") as ledger:
        before_us = time.time_ns() // 1000
        ledger.record("cnc-01", "good", 0, 7.0)
        ledger.record("press-01", "good", 12, 7.0)
        ledger.flush()
        untimed, timed = entries(tmp_path / "ledger.csv")
    assert before_us <= untimed.said_us <= time.time_ns() // 1000
    assert timed == Entry("press-01", "good", 12, 7.0, 12)

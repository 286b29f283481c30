from pathlib import Path

from simulators.ledger import Entry, Ledger, entries


def test_what_was_recorded_is_read_back_in_order(tmp_path: Path) -> None:
    said = [
        Entry("press-01", "oil, hot", 5, 0.1),
        Entry("cnc-01", "good", 0, 7.0),
        Entry("press-01", "oil, hot", 6, -1e300),
    ]
    with Ledger(tmp_path / "ledger.csv") as ledger:
        for entry in said:
            ledger.record(*entry)
        ledger.flush()
        assert list(entries(tmp_path / "ledger.csv")) == said
        assert ledger.count() == 3

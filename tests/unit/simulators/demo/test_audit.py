from hypothesis import given
from hypothesis import strategies as st

from simulators.demo.audit import Row, compare
from simulators.ledger import Entry

SAID = [Entry("press-01", "oil_c", ts, float(ts % 3), ts) for ts in range(1, 8)] + [
    Entry("cnc-01", "good", 0, float(value), 50) for value in (1, 2, 2, 3)
]
# Modbus rows bear the gateway's clock, which the ledger does not know
ROWS = [Row(entry.device, entry.tag, entry.ts_us or 1000 + number, entry.value) for number, entry in enumerate(SAID)]


def test_equal_counts_in_order_are_exact() -> None:
    verdict = compare(SAID, ROWS)
    assert verdict.is_exact
    assert (verdict.emitted, verdict.stored) == (11, 11)


@given(st.integers(min_value=0, max_value=len(ROWS) - 1))
def test_any_missing_row_is_lost(index: int) -> None:
    verdict = compare(SAID, ROWS[:index] + ROWS[index + 1 :])
    assert (verdict.lost, verdict.duplicated, verdict.foreign) == (1, 0, 0)
    assert not verdict.is_exact


@given(st.integers(min_value=0, max_value=len(ROWS) - 1))
def test_any_row_stored_twice_is_a_duplicate(index: int) -> None:
    verdict = compare(SAID, [*ROWS, ROWS[index]])
    assert (verdict.lost, verdict.duplicated, verdict.foreign) == (0, 1, 0)
    assert not verdict.is_exact


@given(st.integers(min_value=0, max_value=len(ROWS) - 1))
def test_a_changed_value_is_both_lost_and_foreign(index: int) -> None:
    rows = [*ROWS]
    rows[index] = rows[index]._replace(value=99.5)
    verdict = compare(SAID, rows)
    assert (verdict.lost, verdict.foreign) == (1, 1)


def test_rows_in_another_order_are_noticed() -> None:
    rows = [*ROWS]
    rows[7], rows[8] = rows[8], rows[7]
    verdict = compare(SAID, rows)
    assert (verdict.lost, verdict.duplicated, verdict.disordered) == (0, 0, 1)
    assert not verdict.is_exact


def test_the_gateways_own_bad_quality_rows_are_not_counted() -> None:
    assert compare(SAID, [*ROWS, Row("cnc-01", "good", 5000, None)]).is_exact


def test_a_row_of_an_unknown_tag_is_foreign() -> None:
    assert compare(SAID, [*ROWS, Row("ghost", "x", 1, 1.0)]).foreign == 1

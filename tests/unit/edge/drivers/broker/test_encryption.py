"""What is told of a broker's certificate, and when it is worth a warning."""

from datetime import UTC, datetime, timedelta

import pytest

from edge.drivers.broker.encryption import Encryption

UNTIL = datetime(2027, 3, 1, 12, 30, tzinfo=UTC)
SHOWN = Encryption("TLSv1.3", "TLS_AES_256_GCM_SHA384", "broker", "plant-ca", "10.0.0.5", UNTIL, "AB:CD")


def test_all_that_an_engineer_compares_is_listed() -> None:
    assert dict(SHOWN.facts()) == {
        "TLS": "TLSv1.3, TLS_AES_256_GCM_SHA384",
        "certificate of": "broker, for 10.0.0.5",
        "signed by": "plant-ca",
        "valid until": "2027-03-01 12:30 UTC",
        "SHA-256": "AB:CD",
    }


@pytest.mark.parametrize(("days", "warns"), [(365, False), (21, False), (20.9, True), (0.1, True), (-1, True)])
def test_a_warning_comes_three_weeks_before_the_end(days: float, warns: bool) -> None:
    found = list(SHOWN.findings(UNTIL - timedelta(days=days)))
    assert bool(found) == warns
    assert all(f"in {max(0, int(days))} days, on 2027-03-01" in each.message and each.fix for each in found)

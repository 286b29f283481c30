"""The fake uplink that other tests use keeps the promises of the Uplink port."""

import pytest

from tests.conformance.uplink_suite import ASKED_S, Manner, UplinkHarness, UplinkSuite
from tests.fakes.cloud import MemoryCloud, MemoryUplink, away, busy, refusing, stranger


class MemoryHarness(UplinkHarness):
    def __init__(self) -> None:
        self.cloud = MemoryCloud()
        self.uplink: MemoryUplink = MemoryUplink(self.cloud)

    def behave(self, manner: Manner) -> None:
        faults = {
            Manner.REFUSES: refusing(1),
            Manner.KNOWS_US_NOT: stranger,
            Manner.BUSY: busy(ASKED_S),
            Manner.SILENT: away,
        }
        self.uplink.fault = faults.get(manner)
        self.uplink.loses = manner is Manner.LOSES_ANSWERS


class TestMemoryUplink(UplinkSuite):
    @pytest.fixture
    def harness(self) -> MemoryHarness:
        return MemoryHarness()

"""The fake uplink that other tests use keeps the promises of the Uplink port."""

import pytest

from edge.errors import Unauthorized, Unreachable
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
        refusals = {
            Manner.KNOWS_US_NOT: Unauthorized("the token was revoked"),
            Manner.BUSY: Unreachable("503", retry_after_s=ASKED_S),
            Manner.SILENT: Unreachable("no route to the cloud"),
        }
        self.uplink.refusal = refusals.get(manner)
        self.uplink.loses = manner is Manner.LOSES_ANSWERS


class TestMemoryUplink(UplinkSuite):
    @pytest.fixture
    def harness(self) -> MemoryHarness:
        return MemoryHarness()

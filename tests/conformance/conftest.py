"""Lets pytest explain the assertions of suites that test files inherit."""

import pytest

for port in ("driver", "buffer", "uplink", "photo_store"):
    pytest.register_assert_rewrite(f"tests.conformance.{port}_suite")

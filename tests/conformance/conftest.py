"""Lets pytest explain the assertions of suites that test files inherit."""

import pytest

pytest.register_assert_rewrite("tests.conformance.driver_suite")

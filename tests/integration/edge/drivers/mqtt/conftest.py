"""Says in pytest's summary when Mosquitto was not there to be tested against."""

import pytest

from tests.integration.edge.drivers.mqtt.counterpart import ON_AEDES, ON_MOSQUITTO


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not ON_MOSQUITTO:
        terminalreporter.write_line(
            "mosquitto is not installed: the MQTT driver was tested against amqtt only, and not with MQTT 5",
            yellow=True,
        )
    if not ON_AEDES:
        terminalreporter.write_line(
            "tests/foreign/node_modules is not there: the broker Aedes and Tahu's edge node were left out "
            "(`npm ci --prefix tests/foreign` brings them)",
            yellow=True,
        )

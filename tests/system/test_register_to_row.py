"""The README's first walk, over each protocol, held against the simulators' own ledger."""

import psycopg

from simulators.machine import Protocol
from tests.system.walk import Walk

_ROW = """
    SELECT tag_id, ts, n FROM reading JOIN tag ON tag.id = tag_id
    WHERE device = %s AND name = %s AND value = %s ORDER BY ts DESC LIMIT 1
"""
_AGAIN = """
    INSERT INTO reading SELECT * FROM jsonb_populate_record(NULL::reading,
        (SELECT to_jsonb(reading) || '{"n": 7}' FROM reading WHERE (tag_id, ts, n) = (%s, %s, %s)))
"""
# the plant that is walked has no Sparkplug node
SPOKEN = [protocol for protocol in Protocol if protocol is not Protocol.SPARKPLUG]
RUNTIME = {0: "offline", 1: "setup", 2: "running", 3: "down", 4: "idle"}


def test_every_reading_of_every_protocol_is_a_row_once_and_in_order_and_says_what_the_machine_does(walk: Walk) -> None:
    walk.begin()
    walk.flow(4000)
    buffered = walk.stack.drain()
    verdicts = {protocol: walk.verdict(protocol) for protocol in SPOKEN}
    assert {protocol: verdict.is_exact for protocol, verdict in verdicts.items()} == dict.fromkeys(SPOKEN, True)
    assert all(verdict.emitted > 100 for verdict in verdicts.values())
    assert buffered == sum(verdict.emitted for verdict in verdicts.values())
    for protocol in SPOKEN:
        last = {entry.device: entry.value for entry in walk.said(protocol) if entry.tag == "state"}
        for device, state in last.items():
            assert walk.stack.cloud.status(device.upper())["runtime_status"] == RUNTIME[int(state)]


def test_the_ledger_notices_a_row_taken_away_and_a_row_stored_twice(
    walk: Walk, database: psycopg.Connection[tuple[object, ...]]
) -> None:
    """The negative control: what the tests above hold to be exact can be seen not to be."""
    walk.begin()
    walk.flow(500)
    walk.stack.drain()
    for protocol in SPOKEN:
        said = walk.said(protocol)[-1]
        row = database.execute(_ROW, (said.device, said.tag, said.value)).fetchone()
        assert row is not None
        database.execute(_AGAIN, row)
        assert walk.verdict(protocol).duplicated == 1
        database.execute("DELETE FROM reading WHERE (tag_id, ts) = (%s, %s)", row[:2])
        assert walk.verdict(protocol).lost == 1

from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from edge.acquisition.status import StationState
from edge.metrics import exposition
from edge.ports import Figures, Pace
from edge.report import Snapshot
from tests.fakes.snapshots import NOW_US, snapshot, station


def samples(of: Snapshot) -> dict[tuple[str, ...], float]:
    text = exposition(lambda: of)().decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (("tezgah_edge_info", "hall-2", "1.2.3"), 1),
        (("tezgah_edge_start_time_seconds",), NOW_US / 1e6 - 61),
        (("tezgah_edge_connection_up", "line-a", "modbus"), 1),
        (("tezgah_edge_connection_losses_total", "line-a"), 1),
        (("tezgah_edge_readings_taken_total", "line-a"), 100),
        (("tezgah_edge_readings_kept_total", "line-a"), 40),
        (("tezgah_edge_readings_odd_total", "line-a", "out_of_range"), 2),
        (("tezgah_edge_device_last_received_timestamp_seconds", "line-a", "press-1"), NOW_US / 1e6 - 2.5),
        (("tezgah_edge_device_tags", "line-a", "press-1", "uncertain"), 1),
        (("tezgah_edge_device_tags", "line-a", "press-1", "silent"), 1),
        (("tezgah_edge_buffer_settled_total",), 30),
        (("tezgah_edge_buffer_readings",), 9),
        (("tezgah_edge_buffer_failing",), 0),
        (("tezgah_edge_sync_up",), 1),
        (("tezgah_edge_sync_readings_total",), 30),
    ],
)
def test_every_figure_is_under_its_name(key: tuple[str, ...], value: float) -> None:
    assert samples(snapshot())[key] == value


def test_what_is_not_known_yet_has_no_sample() -> None:
    young = snapshot(
        buffer=replace(snapshot().buffer, oldest_us=None), stations=[station(devices=[], state=StationState.DOWN)]
    )
    found = samples(young)
    assert ("tezgah_edge_buffer_oldest_timestamp_seconds",) not in found
    assert found["tezgah_edge_connection_up", "line-a", "modbus"] == 0


def test_every_figure_of_ours_is_explained() -> None:
    text = exposition(snapshot)().decode()
    assert text.count("# TYPE tezgah_edge_") == text.count("# HELP tezgah_edge_") > 20


def test_what_a_driver_counted_and_how_it_keeps_its_pace_is_told() -> None:
    figures = Figures({"answer_timeout": 3}, 1.5, [Pace("meter-1", 1.0, 1.25)])
    page = exposition(lambda: snapshot(stations=[station(figures=figures)]))().decode()
    assert 'tezgah_edge_driver_events_total{connection="line-a",event="answer_timeout"} 3.0' in page
    assert 'tezgah_edge_line_busy_seconds_total{connection="line-a"} 1.5' in page
    assert 'tezgah_edge_poll_planned_period_seconds{connection="line-a",device="meter-1"} 1.0' in page
    assert 'tezgah_edge_poll_actual_period_seconds{connection="line-a",device="meter-1"} 1.25' in page

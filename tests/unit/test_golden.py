"""The worked cases of the KPIs, each with its published source or derivation (tests/golden/kpi.json): all of them."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cloud.kpi import spans
from cloud.kpi.counters import Sample, deltas
from cloud.kpi.elements import Category, PieceKind, TimeElement
from cloud.kpi.facts import Facts
from cloud.kpi.figures import figures, line, times
from cloud.kpi.ledger import Layers, Pieces, Planned, Reason, Stretch, draw_up
from cloud.kpi.policy import ISO22400
from cloud.kpi.reliability import reliability
from cloud.kpi.spans import MINUTE, SECOND, Span
from cloud.shifts.rules import Pattern, occurrences
from cloud.shifts.schemas import ShiftIn
from cloud.workorders import rules as workorders
from cloud.workorders.schemas import ProductionKind, StageStatus
from shared.reading import MachineState

CASES = {case["id"]: case for case in json.loads((Path(__file__).parents[1] / "golden" / "kpi.json").read_text())}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def us(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def facts(time_us: dict[Category, float], pri_s: float = 1.0, **pieces: int) -> Facts:
    counted = {PieceKind(kind): number for kind, number in pieces.items()}
    ideal = {kind: round(number * pri_s * SECOND) for kind, number in counted.items()}
    return Facts({category: round(spent) for category, spent in time_us.items()}, counted, ideal)


def shift_with_a_stop(given: dict) -> dict:
    """G1: a shift of 480 minutes with two breaks, one stop, and what was counted in it."""
    window = Span(0, given["shift_min"] * MINUTE)
    pause = Span(100 * MINUTE, (100 + given["breaks_min"]) * MINUTE)
    stop = Span(200 * MINUTE, (200 + given["stop_min"]) * MINUTE)
    states = [
        Stretch(Span(0, stop.start), MachineState.PRODUCING),
        Stretch(stop, MachineState.FAULTED),
        Stretch(Span(stop.end, window.end), MachineState.PRODUCING),
    ]
    ideal = round(given["ideal_cycle_s"] * SECOND)
    good = given["total"] - given["reject"]
    pieces = [
        Pieces(10 * MINUTE, PieceKind.GOOD, good, ideal),
        Pieces(300 * MINUTE, PieceKind.SCRAP, given["reject"], ideal),
    ]
    found = draw_up(window, Layers(states, Planned([window], [pause]), pieces=pieces)).facts
    time, told = times(found, ISO22400), figures(found, ISO22400)
    assert told.availability * told.effectiveness * told.quality == pytest.approx(told.oee, rel=1e-12)
    return {
        "pbt_s": time.pbt / SECOND,
        "apt_s": time.apt / SECOND,
        "good": found.pieces[PieceKind.GOOD],
        "availability": told.availability,
        "effectiveness": told.effectiveness,
        "quality_ratio": told.quality,
        "oee": told.oee,
    }


def uptime(given: dict) -> dict:
    stopped = {Category.BREAKDOWN: given["unplanned_min"] * MINUTE, Category.SETUP: given["changeover_min"] * MINUTE}
    run = given["planned_availability_min"] * MINUTE - sum(stopped.values())
    found = facts({Category.RUN: run} | stopped, given["std_cycle_min"] * 60, good=given["cycles"])
    told = figures(found, ISO22400)
    return {"uptime_min": run / MINUTE, "availability": told.availability, "effectiveness": told.effectiveness}


def simple(given: dict) -> dict:
    run, busy = given["apt_min"] * MINUTE, given["pbt_min"] * MINUTE
    rejected = given["total"] - given["good"]
    time = {Category.RUN: run, Category.IDLE: busy - run}
    told = figures(facts(time, given["ideal_cycle_min"] * 60, good=given["good"], scrap=rejected), ISO22400)
    shown = {"availability": told.availability, "effectiveness": told.effectiveness, "quality_ratio": told.quality}
    return shown | {"oee": told.oee}


def all_equipment(given: dict) -> dict:
    scheduled, calendar = given["scheduled_h"] * spans.HOUR, given["calendar_h"] * spans.HOUR
    time = {Category.RUN: scheduled, Category.OFF_SHIFT: calendar - scheduled}
    found = facts(time, 60 / given["ideal_rate_per_min"], good=given["good"])
    told = figures(found, ISO22400)
    return {
        "ideal_hours": sum(found.ideal_us.values()) / spans.HOUR,
        "oee": told.oee,
        "teep": told.teep,
    }


def failures(given: dict) -> dict:
    if "faults" in given:
        return {"mttr_min": reliability(1, given["faults"], given["downtime_min"]).mttr}
    repair = sum(given["repair_h"]) if "repair_h" in given else given.get("downtime_h", 0)
    told = reliability(given["operating_h"], given["failures"], repair)
    # two separate examples in one source
    mended = reliability(given["operating_h"], given.get("failures_mttr", given["failures"]), repair)
    return {"mtbf_h": told.mtbf, "mttr_h": mended.mttr, "failure_rate": told.failure_rate}


def whole_set(given: dict) -> dict:
    time = {
        Category.SETUP: given["aust_min"] * MINUTE,
        Category.IDLE: given["adet_min"] * MINUTE,
        Category.IDLE_UNASSIGNED: given["adot_min"] * MINUTE,
        Category.SHIFT_BREAK: given["pdot_min"] * MINUTE,
    }
    time[Category.RUN] = given["pot_min"] * MINUTE - sum(time.values())
    assert given["pq"] == given["gq"] + given["rq"] + given["sq"]
    time[Category.OFF_SHIFT] = 24 * spans.HOUR - sum(time.values())
    found = facts(time, given["pri_s"], good=given["gq"], scrap=given["sq"], rework=given["rq"])
    told, elements = figures(found, ISO22400), times(found, ISO22400)
    assert elements.pbt == given["pbt_min"] * MINUTE
    return {
        "apt_min": elements.apt / MINUTE,
        "aupt_min": elements.aupt / MINUTE,
        "aubt_min": elements.aubt / MINUTE,
        "availability": told.availability,
        "effectiveness": told.effectiveness,
        "quality_ratio": told.quality,
        "oee": told.oee,
        "nee": told.nee,
        "allocation_efficiency": told.allocation_efficiency,
        "utilization_efficiency": told.utilization_efficiency,
        "technical_efficiency": told.technical_efficiency,
        "setup_ratio": told.setup_ratio,
        "scrap_ratio": told.scrap_ratio,
        "rework_ratio": told.rework_ratio,
        "teep_24h": told.teep,
    }


def night_shift(given: dict) -> dict:
    """D2: a stop that begins in the night shift and ends in the next is charged to each for what lies in it."""
    pause = dict(zip(("start", "end"), given["break_local"].split("-"), strict=True))
    night = ShiftIn.model_validate({"name": "night", "start": "22:00", "end": "06:00", "breaks": [pause]})
    day = ShiftIn.model_validate({"name": "day", "start": "06:00", "end": "14:00"})
    business_date = date.fromisoformat(given["business_date"])
    pattern = Pattern(ZoneInfo(given["tz"]), 1, business_date, None, [night, day], {})
    found = occurrences(pattern, business_date, business_date + timedelta(days=1))
    this = next(each for each in found if each.name == "night" and each.business_date == business_date)
    following = next(each for each in found if each.starts_at == this.ends_at)
    [stop] = given["stops"]
    broken = Span(us(datetime.fromisoformat(stop["start"])), us(datetime.fromisoformat(stop["end"])))
    reason = Reason("stop", TimeElement(stop["time_element"]))
    shifts = [Span(us(each.starts_at), us(each.ends_at)) for each in found]
    pauses = [Span(us(start), us(end)) for each in found for start, end in each.breaks]
    states = [
        Stretch(Span(shifts[0].start, broken.start), MachineState.PRODUCING),
        Stretch(broken, MachineState.IDLE, reason),
        Stretch(Span(broken.end, shifts[-1].end), MachineState.PRODUCING),
    ]
    layers = Layers(states, Planned(shifts, pauses))
    of = [
        times(draw_up(Span(us(each.starts_at), us(each.ends_at)), layers).facts, ISO22400) for each in (this, following)
    ]
    return {
        "shift_start_utc": this.starts_at.isoformat().replace("+00:00", "Z"),
        "shift_end_utc": this.ends_at.isoformat().replace("+00:00", "Z"),
        "pbt_s": of[0].pbt / SECOND,
        "adet_this_shift_s": of[0].adet / SECOND,
        "adet_next_shift_s": of[1].adet / SECOND,
    }


def reasons_that_overlap(given: dict) -> dict:
    """D3: time that two reasons cover is down once."""

    def minutes(clock: str) -> int:
        hours, rest = clock.split(":")
        return (int(hours) * 60 + int(rest)) * MINUTE

    window = Span(0, given["window_min"] * MINUTE)
    down = spans.union(Span(minutes(start), minutes(end)) for start, end in given["reasons"])
    states = [Stretch(each, MachineState.FAULTED) for each in down]
    states += [Stretch(each, MachineState.PRODUCING) for each in spans.minus([window], down)]
    told = figures(draw_up(window, Layers(states)).facts, ISO22400)
    return {"union_down_min": spans.total(down) / MINUTE, "availability": told.availability}


def counter(given: dict) -> dict:
    samples = [Sample(int(name[1:]), value) for name, value in given["samples"]]
    return {"delta_total": sum(each.quantity for each in deltas(samples, given["rollover_at"]))}


def late_sample(given: dict) -> dict:
    samples = [Sample(int(name[1:]), value) for name, value in given["arrival_order"]]
    found = deltas(samples)
    buckets = {f"t{each.at - 1}..t{each.at}": each.quantity for each in found}
    return {"delta_total": sum(each.quantity for each in found), "by_bucket": buckets}


def not_seen(given: dict) -> dict:
    unknown = given["unknown_min"] * MINUTE
    time = {Category.RUN: given["pbt_min"] * MINUTE - unknown, Category.UNKNOWN: unknown}
    told = figures(facts(time, 60, good=given["ideal_good_min"]), ISO22400)
    shown = {"coverage": told.coverage, "oee_lower": told.oee_lower, "oee_known": told.oee_known}
    return shown | {"oee_upper": told.oee_upper}


def whole_line(given: dict) -> dict:
    machines = [facts({Category.RUN: each["pbt_s"] * SECOND}, good=each["ideal_good_s"]) for each in given["machines"]]
    weighted, mean, worst = line(machines, ISO22400)
    return {"weighted": weighted, "naive_mean": mean, "worst_machine": worst}


def flow(given: dict) -> dict:
    """D14: what the next stage may report is what the one before has passed on, less what it reported."""
    reported, first_left = 0, 0
    for number, (kind, quantity) in enumerate(given["stage1_events"]):
        assert ProductionKind(kind) is ProductionKind.GOOD
        left = workorders.reportable(ProductionKind.GOOD, stage(reported), None, given["order_qty"], 0)
        assert left == given["order_qty"] - reported
        reported += quantity
        first_left = first_left or reported * (number == 0)
        passed_on = workorders.reportable(ProductionKind.GOOD, stage(0), stage(reported), given["order_qty"], 0)
        assert passed_on == reported
    assert first_left == given["stage2_available_after_first"]
    return {"stage1_good": reported, "over_report": reported > given["order_qty"]}


def stage(good: int) -> workorders.StageFacts:
    return workorders.StageFacts(10, StageStatus.IN_PROGRESS, good=good)


BY_KIND = {
    "oee": lambda given: shift_with_a_stop(given) if "shift_min" in given else simple(given),
    "availability_effectiveness": uptime,
    "teep": all_equipment,
    "reliability": failures,
    "reliability_edges": failures,
    "iso22400_full": whole_set,
    "timeline": lambda given: night_shift(given) if "tz" in given else reasons_that_overlap(given),
    "counter": counter,
    "counter_late": late_sample,
    "unknown_time": not_seen,
    "line": whole_line,
    "flow": flow,
}


@pytest.mark.parametrize("name", CASES)
def test_a_golden_case_comes_out_as_its_source_says(name):
    case = CASES[name]
    found = BY_KIND[case["kind"]](case["input"])
    for key, expected in case["expect"].items():
        if isinstance(expected, bool | str | dict) or expected is None:
            assert found[key] == expected, key
        else:
            assert found[key] == pytest.approx(expected, abs=case["abs_tol"]), key

"""A device that refuses some addresses is read around them, whatever they are."""

from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.modbus.plan import Limits, Request, Span, Table, plan
from edge.drivers.modbus.refusals import Refusals


def span(point: int, address: int, width: int = 1, max_gap: int = 8) -> Span:
    return Span(point, 1, Table.HOLDING, address, width, 1.0, Limits(max_gap=max_gap))


def addresses(request: Request) -> set[int]:
    return set(range(request.address, request.address + request.count))


def turn(requests: list[Request], refusals: Refusals, illegal: set[int], largest: int = 125) -> list[Request]:
    """Ask all requests once, parts at once, and return those of the next turn."""
    following, waiting = [], list(requests)
    while waiting:
        asked = waiting.pop(0)
        if addresses(asked) & illegal or asked.count > largest:
            parts = refusals.divide(asked)
            if parts is None:
                following.append(asked)
            else:
                waiting[:0] = parts
            continue
        mended = refusals.mend(asked)
        if mended is None:
            following.append(asked)
            continue
        other, whole = mended
        following.remove(other) if other in following else waiting.remove(other)
        following.append(whole)
    return following


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 4)), min_size=1, max_size=40, unique_by=lambda one: one[0]),
    st.sets(st.integers(0, 63), max_size=8),
)
def test_every_point_that_can_be_read_is_read_and_requests_settle(
    places: list[tuple[int, int]], illegal: set[int]
) -> None:
    spans = [span(point, address, width) for point, (address, width) in enumerate(places)]
    requests, refusals = plan(spans), Refusals()
    for _ in range(12):
        requests = turn(requests, refusals, illegal)
    assert sorted(each.point for request in requests for each in request.spans) == list(range(len(spans)))
    for request in requests:
        if addresses(request) & illegal:
            # what is still refused cannot be parted: its points overlap
            end = request.spans[0].end
            for each in request.spans[1:]:
                assert each.address < end
                end = max(end, each.end)
    settled = turn(requests, refusals, illegal)
    assert sorted(map(str, settled)) == sorted(map(str, requests)), "requests must come to rest"


def test_one_bad_point_among_many_costs_two_more_requests() -> None:
    requests, refusals = plan([span(point, point) for point in range(62)]), Refusals()
    for _ in range(8):
        requests = turn(requests, refusals, {20})
    assert sorted((request.address, request.count) for request in requests) == [(0, 20), (20, 1), (21, 41)]


def test_a_hole_that_is_refused_is_read_around() -> None:
    requests, refusals = plan([span(0, 0), span(1, 5)]), Refusals()
    for _ in range(3):
        requests = turn(requests, refusals, {3})
    assert sorted((request.address, request.count) for request in requests) == [(0, 1), (5, 1)]


def test_a_device_that_reads_less_at_once_is_not_asked_for_more_again() -> None:
    requests, refusals = plan([span(point, point) for point in range(100)]), Refusals()
    for _ in range(8):
        requests = turn(requests, refusals, set(), largest=60)
    assert sorted((request.address, request.count) for request in requests) == [(0, 50), (50, 50)]


def test_a_request_that_was_never_divided_is_never_mended() -> None:
    one, other = plan([span(0, 0), span(1, 1)]), plan([span(2, 2)])
    refusals = Refusals()
    assert refusals.mend(one[0]) is None
    assert refusals.mend(other[0]) is None


def test_the_next_session_begins_with_what_was_learned() -> None:
    requests = plan([span(n, n) for n in range(62)])
    refusals = Refusals()
    learned = turn(refusals.begin(requests), refusals, {20})
    for _ in range(3):
        learned = turn(learned, refusals, {20})
    again = Refusals(refusals.lasting).begin(requests)
    assert sorted(map(addresses, again), key=min) == [set(range(20)), {20}, set(range(21, 62))]
    assert sorted(again, key=lambda request: request.address) == sorted(learned, key=lambda request: request.address)


@given(st.sets(st.integers(0, 120), max_size=8), st.integers(1, 130))
def test_a_later_session_asks_every_point_and_is_not_refused_where_it_can_be_helped(
    illegal: set[int], largest: int
) -> None:
    requests = plan([span(n, 3 * n // 2) for n in range(80)])
    refusals = Refusals()
    turn(refusals.begin(requests), refusals, illegal, largest)
    later = Refusals(refusals.lasting)
    again = later.begin(requests)
    assert sorted(s.point for request in again for s in request.spans) == list(range(80))
    refused = [request for request in again if addresses(request) & illegal or request.count > largest]
    assert all(later.divide(request) is None for request in refused)


def test_what_was_only_not_answered_is_asked_whole_in_the_next_session() -> None:
    (request,) = plan([span(n, n) for n in range(10)])
    refusals = Refusals()
    assert refusals.divide(request, is_lasting=False) is not None
    assert refusals.lasting == frozenset()
    assert refusals.begin([request]) == [request]


def test_what_is_answered_again_is_no_longer_refused() -> None:
    (request,) = plan([span(0, 5)])
    refusals = Refusals()
    assert refusals.divide(request) is None
    assert refusals.lasting
    refusals.mend(request)
    assert not refusals.lasting

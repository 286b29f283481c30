"""A wait ends when nothing moved for so long, and not because it was long."""

from simulators.demo.patience import Waiting


class Watch:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_what_moves_is_waited_for_however_long_it_takes() -> None:
    watch = Watch()
    waiting = Waiting(60, watch)
    for step in range(100):
        watch.now_s += 59
        assert waiting.goes_on(step)
    watch.now_s += 59
    assert waiting.goes_on(99)
    watch.now_s += 1
    assert not waiting.goes_on(99)
    assert waiting.seen == 99


def test_what_never_moves_is_given_up_after_so_long() -> None:
    watch = Watch()
    waiting = Waiting(60, watch)
    watch.now_s += 59.9
    assert waiting.goes_on(None)
    watch.now_s += 0.1
    assert not waiting.goes_on(None)

"""Thinning: which readings of a long time tell most of it; pure.

Of each tag, window of source time and quality: the lowest number, the highest, and the last reading. They are kept as
they were read, with their own times; nothing is averaged, so what is kept is true, and may come twice without harm.
"""

import numpy as np
from numpy.typing import NDArray

from shared.reading import Readings


def kept(readings: Readings, window_us: int) -> NDArray[np.intp]:
    """Return the rows that are kept, in their order.

    Args:
        readings: In the order in which they were taken.
        window_us: Windows begin at multiples of it since 1970 UTC.
    """
    if not len(readings):
        return np.empty(0, np.intp)
    window = readings.ts // window_us
    # stable, so each group is in the order taken
    order = np.lexsort((readings.quality, window, readings.tag))
    keys = (readings.tag[order], window[order], readings.quality[order])
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = np.logical_or.reduce([key[1:] != key[:-1] for key in keys])
    group = np.cumsum(is_first)
    is_last = np.append(is_first[1:], True)
    value = readings.value[order]
    # within a group from the lowest to the highest; those without a number behind the highest
    ranked = np.lexsort((value, group))
    number = ~np.isnan(value[ranked])
    starts = is_first & number
    next_is_number = np.append(number[1:], False)
    ends = number & (is_last | ~next_is_number)
    chosen = np.concatenate([order[is_last], order[ranked[starts | ends]]])
    return np.unique(chosen)

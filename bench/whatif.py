"""What-if of OEE beside the plant run anew: each of five losses turned down by its knob, with the same seed.

Estimated gains come from the ledger of the plant as it was; simulated ones from the ledger of the same plant with the
same luck and less of the loss. The baseline is the truth itself: a ratio of 1. `BENCH_WHATIF_DAYS` and
`BENCH_WHATIF_MACHINES` make it longer.
"""

import os
import sys
import time

from tests.whatif import held

# how far the estimate may be off
APART = 0.15


def main() -> int:
    """Print each loss with both gains; the exit code is the number of figures missed."""
    days, machines = (
        int(os.environ.get(f"BENCH_WHATIF_{name}", usual)) for name, usual in (("DAYS", 60), ("MACHINES", 6))
    )
    print(f"{machines} machines, {days} days; gains in points of OEE")
    began, missed = time.process_time(), 0
    for each in held(days, machines):
        is_held = abs(each.ratio - 1) <= APART
        missed += not is_held
        print(
            f"  {each.bucket.value:<16} less by {each.reduction:.0%}: estimated {each.estimated * 100:.2f}, run anew "
            f"{each.simulated * 100:.2f}   ratio {each.ratio:.3f}   target {1 - APART:.2f} to {1 + APART:.2f}: "
            f"{'held' if is_held else 'MISSED'}   interval held {each.inside} of {each.machines}"
        )
    print(f"{time.process_time() - began:.0f} CPU s")
    return missed


if __name__ == "__main__":
    sys.exit(main())

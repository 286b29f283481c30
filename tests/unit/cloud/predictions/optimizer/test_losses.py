"""The loss tree sums to the planned busy time, whatever the facts and the policy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.kpi.elements import Category, PieceKind
from cloud.kpi.facts import Facts
from cloud.kpi.figures import times
from cloud.kpi.policy import ISO22400, TPM, MissingQuality, Policy
from cloud.predictions.optimizer.losses import loss_tree

POLICIES = [
    ISO22400,
    TPM,
    Policy("own", setup_is_loss=False, idle_without_order_is_loss=False, missing_quality=MissingQuality.GOOD),
    Policy("strict", planned_maintenance_is_loss=True),
]
COUNTS = st.integers(0, 10**12)
FACTS = st.builds(
    lambda time, pieces: Facts(time, pieces, {kind: 7 * count for kind, count in pieces.items()}),
    st.dictionaries(st.sampled_from(Category), COUNTS),
    st.dictionaries(st.sampled_from(PieceKind), COUNTS),
)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
@given(facts=FACTS)
def test_good_time_and_branches_are_the_planned_busy_time_to_the_microsecond(policy: Policy, facts: Facts) -> None:
    tree = loss_tree(facts, policy)
    assert tree.pbt_us == times(facts, policy).pbt
    assert tree.good_us + sum(branch.us for branch in tree.branches) == tree.pbt_us
    for branch in tree.branches:
        assert branch.us == sum(branch.leaves.values())


def test_every_loss_hangs_on_the_branch_where_it_is_looked_for() -> None:
    facts = Facts({Category.RUN: 100, Category.SETUP: 7, Category.MINOR: 5, Category.UNKNOWN: 3})
    branches = {branch.name: branch.leaves for branch in loss_tree(facts, ISO22400).branches}
    assert branches["availability"]["setup_adjustment"] == 7
    assert branches["availability"]["minor_stop"] == 5
    assert branches["performance"] == {"reduced_speed": 100}
    assert branches["not_known"]["unknown"] == 3

from hypothesis import given
from hypothesis import strategies as st

from edge.config.entries import merge

keys = st.sampled_from("abcd")
tags = st.dictionaries(keys, st.dictionaries(keys, st.integers(), max_size=3), max_size=3)
raws = st.builds(
    lambda options, tags: {**options, "tags": tags} if tags is not None else options,
    st.dictionaries(keys, st.integers(), max_size=3),
    tags | st.none(),
)


@given(raws, raws)
def test_a_devices_own_options_win_and_every_option_knows_its_origin(template: dict, own: dict) -> None:
    merged, origins = merge(template, ("templates", "t"), own, ("devices", 0))
    assert merged.keys() == template.keys() | own.keys()
    for key in merged.keys() - {"tags"}:
        source, base = (own, ("devices", 0)) if key in own else (template, ("templates", "t"))
        assert merged[key] == source[key]
        assert origins[key,] == (*base, key)
    theirs, ours = template.get("tags", {}), own.get("tags", {})
    assert merged.get("tags", {}).keys() == theirs.keys() | ours.keys()
    for name, tag in merged.get("tags", {}).items():
        assert tag == {**theirs.get(name, {}), **ours.get(name, {})}
        for option in tag:
            is_own = option in ours.get(name, {})
            assert origins["tags", name, option] == (
                *(("devices", 0) if is_own else ("templates", "t")),
                "tags",
                name,
                option,
            )


@given(raws, raws)
def test_merging_changes_neither_side(template: dict, own: dict) -> None:
    before = repr((template, own))
    merge(template, (), own, ())
    assert repr((template, own)) == before

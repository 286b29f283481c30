from pathlib import Path

import pytest

from edge.live.difference import Changes, difference
from edge.settings import load
from tests.unit.edge.live.plant import HEAD, settings


def test_what_is_the_same_differs_in_nothing(tmp_path: Path) -> None:
    assert not difference(settings(tmp_path, "a", "b"), settings(tmp_path, "a", "b"))


def test_what_came_went_and_changed_is_told_by_name(tmp_path: Path) -> None:
    found = difference(settings(tmp_path, "a", "b", "c"), settings(tmp_path, "d", "b", "c", b="other"))
    assert found.connections == Changes(("d",), ("a",), ("b",))
    assert found.devices == Changes(("press-d",), ("press-a",), ())
    assert found.tags == Changes(("press-d.count",), ("press-a.count",), ())
    assert found.live == found.needs_restart == ()


def test_only_the_tag_that_changed_is_told_and_not_its_neighbours(tmp_path: Path) -> None:
    text = """\
connections: {a: {modbus: tcp, host: h}}
devices:
  - name: press
    on: a
    tags: {x: {register: holding 0}, y: {register: holding 1, deadband: 1}}
    compute: {z: x + y}
"""
    path = tmp_path / "edge.yaml"
    found = []
    for deadband in ("1", "2"):
        path.write_text(HEAD + text.replace("deadband: 1", f"deadband: {deadband}"), encoding="utf-8")
        found.append(load(path, {"TOKEN": "t"}))
    changed = difference(*found)
    assert (changed.connections.changed, changed.devices.changed, changed.tags.changed) == (("a",), (), ("press.y",))


def test_a_default_changes_the_tags_that_take_it_up(tmp_path: Path) -> None:
    found = difference(settings(tmp_path, "a"), settings(tmp_path, "a", head=HEAD + "defaults: {every: 2s}\n"))
    assert found.connections.changed == ("a",)
    assert found.tags.changed == ("press-a.count",)
    assert not found.devices


@pytest.mark.parametrize(
    ("old", "new", "live", "needs_restart"),
    [
        ("id: hall", "id: hall2", (), ("gateway.id",)),
        ("rollback_after: 10s", "rollback_after: 10s, site: Izmir", ("gateway.site",), ()),
        ("rollback_after: 10s", "rollback_after: off", ("gateway.rollback_after",), ()),
        ("https://cloud", "https://other", (), ("cloud.url",)),
        ("${env:TOKEN}", "${env:TOKEN}${env:TOKEN}", (), ("cloud.token",)),
        ("state/buffer.db", "elsewhere/buffer.db", (), ("buffer.path",)),
        ("state/buffer.db", "state/buffer.db, max_size: 3 GB", (), ("buffer.max_size",)),
        ("buffer:", "health: {listen: '[::1]:9'}\nbuffer:", (), ("health.listen.host", "health.listen.port")),
    ],
)
def test_what_only_a_start_takes_up_is_told_apart(
    tmp_path: Path, old: str, new: str, live: tuple[str, ...], needs_restart: tuple[str, ...]
) -> None:
    found = difference(settings(tmp_path, "a"), settings(tmp_path, "a", head=HEAD.replace(old, new)))
    assert (found.live, found.needs_restart) == (live, needs_restart)
    assert found
    assert not found.connections


def test_the_same_relative_path_of_another_directory_is_another_buffer(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    found = difference(settings(tmp_path, "a"), settings(tmp_path / "other", "a"))
    assert found.needs_restart == ("buffer.path",)

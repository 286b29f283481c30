"""Alarms, pictures and runbook: every figure in them exists, and every alarm leads to a section."""

import json
import re
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from cloud.app import create_app
from cloud.settings import Settings
from edge.metrics import exposition
from tests.fakes.snapshots import snapshot

ROOT = Path(__file__).parents[2]
RULES = [
    rule
    for group in yaml.safe_load((ROOT / "deploy" / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "tezgah.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
NAME = re.compile(r"\btezgah_\w+")


@pytest.fixture(scope="module")
def figures() -> set[str]:
    """The names of every series that /metrics of cloud and edge can have."""
    app = create_app(Settings(_env_file=None, secret_key="k" * 32, database_url="postgresql://nowhere/none"))
    texts = [app.state.metrics.exposition().decode(), exposition(snapshot)().decode()]
    found = set()
    for family in (family for text in texts for family in text_string_to_metric_families(text)):
        match family.type:
            case "counter":
                found.add(f"{family.name}_total")
            case "histogram":
                found |= {f"{family.name}_{part}" for part in ("bucket", "sum", "count")}
            case "info":
                found.add(f"{family.name}_info")
            case _:
                found.add(family.name)
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alarm_goes_by_figures_that_exist_and_leads_to_a_section(rule, figures):
    assert set(NAME.findall(rule["expr"])) <= figures
    assert "summary" in rule["annotations"]
    place, _, section = rule["annotations"]["runbook"].partition("#")
    assert place == "docs/runbook.md"
    heads = {head.lower().replace(" ", "-") for head in re.findall(r"^## (.*)$", RUNBOOK, re.MULTILINE)}
    assert section in heads
    assert rule["alert"] in RUNBOOK


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_picture_shows_figures_that_exist(panel, figures):
    names = {name for target in panel["targets"] for name in NAME.findall(target["expr"])}
    assert names
    assert names <= figures


def test_no_two_pictures_lie_on_each_other():
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


@pytest.mark.parametrize(
    "section", re.split(r"^## ", RUNBOOK, flags=re.MULTILINE)[1:], ids=lambda text: text.split("\n")[0]
)
def test_a_section_says_the_sign_and_the_cure(section):
    assert "**Sign" in section
    assert "**Cure.**" in section


@pytest.mark.parametrize("guide", ["cloud.md", "edge.md"])
def test_every_figure_that_alarms_go_by_is_in_a_guide(guide, figures):
    text = "".join((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("cloud.md", "edge.md"))
    used = {name for rule in RULES for name in NAME.findall(rule["expr"])}
    for name in used:
        assert re.sub(r"_(bucket|sum|count)$", "", name) in text, name

# ruff: noqa: E501 - a change and what is said of it stand in one line
"""The promise that the API only grows."""

import copy
from pathlib import Path
from typing import Any

import pytest

from cloud import compatibility
from cloud.errors import Conflict

OLD: dict[str, Any] = {
    "paths": {
        "/machines": {
            "get": {
                "parameters": [
                    {"in": "query", "name": "limit", "schema": {"type": "integer", "maximum": 200}},
                    {"in": "query", "name": "status", "schema": {"anyOf": [{"enum": ["a", "b"], "type": "string"}, {"type": "null"}]}},
                ],
                "responses": {"200": {"content": {"application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Out"}}}}}},
            },
            "post": {
                "requestBody": {"required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/In"}}}},
                "responses": {"201": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Out"}}}}},
            },
        }
    },
    "components": {
        "schemas": {
            "Out": {
                "type": "object",
                "required": ["id", "name"],
                "properties": {
                    "id": {"type": "integer"},
                    "name": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                    "parent": {"$ref": "#/components/schemas/Out"},
                },
            },
            "In": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name"],
                "properties": {"name": {"type": "string", "maxLength": 50}, "note": {"type": "string"}},
            },
        }
    },
}  # fmt: skip


def changed(change) -> list[str]:
    new = copy.deepcopy(OLD)
    change(new["paths"]["/machines"], new["components"]["schemas"])
    return list(compatibility.breaking(OLD, new))


def test_nothing_changed_breaks_nothing():
    assert changed(lambda paths, schemas: None) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda paths, schemas: paths.update(delete={"responses": {"204": {}}}),
        lambda paths, schemas: paths["get"]["parameters"].append({"in": "query", "name": "q", "schema": {"type": "string"}}),
        lambda paths, schemas: paths["get"]["parameters"][0]["schema"].update(maximum=500),
        lambda paths, schemas: paths["get"]["parameters"][1]["schema"]["anyOf"][0]["enum"].append("c"),
        lambda paths, schemas: schemas["Out"]["properties"].update(more={"type": "string"}),
        lambda paths, schemas: schemas["Out"]["properties"].update(name={"type": "string"}),
        lambda paths, schemas: schemas["In"]["properties"].update(more={"type": "string"}),
        lambda paths, schemas: schemas["In"]["required"].clear(),
        lambda paths, schemas: schemas["In"]["properties"]["name"].pop("maxLength"),
    ],
)  # fmt: skip
def test_growing_breaks_nothing(change):
    assert changed(change) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda paths, schemas: paths.pop("post"), "POST /machines is gone"),
        (lambda paths, schemas: paths["get"]["parameters"].pop(0), "parameter limit is gone"),
        (lambda paths, schemas: paths["get"]["parameters"][0]["schema"].update(maximum=100), "lower maximum: 100"),
        (lambda paths, schemas: paths["get"]["parameters"][0]["schema"].update(type="string"), "may be integer no more"),
        (lambda paths, schemas: paths["get"]["parameters"][0].update(required=True), "limit is now required"),
        (lambda paths, schemas: paths["get"]["parameters"][1]["schema"]["anyOf"][0]["enum"].remove("a"), "takes a no more"),
        (lambda paths, schemas: paths["get"]["parameters"].append({"in": "query", "name": "q", "required": True}), "now requires parameter q"),
        (lambda paths, schemas: schemas["Out"]["properties"].pop("name"), "[] has name no more"),
        (lambda paths, schemas: schemas["Out"]["properties"]["id"].update(type="string"), "id may now be string"),
        (lambda paths, schemas: schemas["Out"]["properties"].update(id={"anyOf": [{"type": "integer"}, {"type": "null"}]}), "id may now be null"),
        (lambda paths, schemas: schemas["Out"]["required"].remove("id"), "has id no more in every case"),
        (lambda paths, schemas: schemas["In"]["required"].append("note"), "now requires note"),
        (lambda paths, schemas: schemas["In"]["properties"].pop("note"), "takes note no more"),
        (lambda paths, schemas: schemas["In"]["properties"]["name"].update(maxLength=10), "lower maxLength"),
        (lambda paths, schemas: schemas["In"]["properties"]["name"].update(pattern="^a"), "another pattern"),
        (lambda paths, schemas: paths["post"]["responses"].update({"200": paths["post"]["responses"].pop("201")}), "answers 201 no more"),
    ],
)  # fmt: skip
def test_a_removal_or_narrowing_is_named(change, sentence):
    broken = changed(change)
    assert any(sentence in each for each in broken), broken


def test_a_snapshot_that_does_not_show_what_was_added_is_to_be_updated():
    new = copy.deepcopy(OLD)
    new["paths"]["/more"] = {}
    with pytest.raises(Conflict, match=r"update the snapshot: tezgah-cloud openapi --output snap\.json"):
        compatibility.require(OLD, new, Path("snap.json"))
    compatibility.require(new, new, Path("snap.json"))


def test_what_was_lost_is_told_before_what_was_added():
    new = copy.deepcopy(OLD)
    new["paths"] = {}
    with pytest.raises(Conflict, match="GET /machines is gone; POST /machines is gone"):
        compatibility.require(OLD, new, Path("snap.json"))

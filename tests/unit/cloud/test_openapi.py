"""The API's description."""

import json
from collections import Counter
from pathlib import Path

import pytest

from cloud import compatibility
from cloud.app import specification

SNAPSHOT = Path(__file__).parents[3] / "docs" / "openapi.json"


@pytest.fixture(scope="module")
def document() -> dict:
    return specification()


def operations(document: dict):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_the_api_keeps_what_its_snapshot_promises(document):
    compatibility.require(json.loads(SNAPSHOT.read_text(encoding="utf-8")), document, SNAPSHOT)


def test_every_error_is_described_as_a_problem(document):
    for name, operation in operations(document):
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], f"{name} {status}"


def test_every_operation_has_an_id_of_its_own_and_a_sentence(document):
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    assert all(operation.get("description") for _, operation in operations(document))


def test_every_reference_leads_somewhere(document):
    text = json.dumps(document)
    for name in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert name in document["components"]["schemas"]


def test_every_path_but_the_operators_is_on_both_faces(document):
    for path in document["paths"]:
        if not path.startswith(("/api/v1", "/health")):
            assert f"/api/v1{path}" in document["paths"]


def test_no_two_things_have_one_name(document):
    # makers of clients call a class by its title, and leave the second one out, with every answer that has it
    named = Counter(schema.get("title", name) for name, schema in document["components"]["schemas"].items())
    assert [name for name, times in named.items() if times > 1] == []

"""Whatever is asked of the API: no answer is a server's error, and each is one that the description names.

Every operation of the description is asked what no client would, over HTTP, of a service as it runs: once with ids as
they come, which mostly name nothing, and once with those of things that exist, so that the use cases are reached.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from shared.wire.batch import CONTENT_TYPE
from tests.integration.cloud.test_serving import data_dir, environment, serving

__all__ = ["data_dir"]

ROOT = Path(__file__).parents[2]
DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
# the same on every run: what is found can be found again
HOW = settings(
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
# it answers for as long as it is listened to: `tests/integration/cloud/sync/test_events.py` listens
NEVER_ENDING = "/events"
PASSWORD = "a long night at the mill"


@dataclass(frozen=True)
class Service:
    """A service, somebody who may do everything there, and the ids of what there is."""

    address: str
    headers: dict[str, str]
    known: dict[str, Any]


@pytest.fixture(scope="module")
def service(data_dir) -> Iterator[Service]:
    with serving(data_dir, "--migrate", "--workers", "1") as (_, address):
        seed = {
            "organization": "Acme",
            "users": [{"username": name, "role": role, "password": PASSWORD} for name, role in ROLES],
            "machines": [{"code": "P-1", "name": "Press"}],
            "gateways": [{"id": "hall-2"}],
        }
        words = [sys.executable, "-m", "cloud", "seed", "-"]
        subprocess.run(
            words, env=environment(data_dir), cwd=data_dir, input=json.dumps(seed), text=True, check=True, timeout=60
        )
        with httpx.Client(base_url=address, timeout=30) as client:
            yield _furnished(address, client)


ROLES = (("ayse", "admin"), ("zehra", "admin"), ("mehmet", "worker"))


def _furnished(address: str, client: httpx.Client) -> Service:
    def post(path: str, body: Any) -> Any:
        answer = client.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    signed_in = post("/auth/login", {"username": "ayse", "password": PASSWORD})
    headers = {"Authorization": f"Bearer {signed_in['access_token']}"}
    client.headers.update(headers)
    times = {"planned_start": "2026-11-20T06:00:00Z", "planned_end": "2026-11-20T14:00:00Z"}
    order = post("/workorders/", {"product_code": "P", "lot_no": "L", "qty": 10, **times})
    stage = client.get(f"/workorders/{order['id']}/stages").json()[0]
    post(f"/stages/{stage['id']}/start", {})
    issue = post(f"/stages/{stage['id']}/issue", {"type": "quality", "description": "scratches"})
    route = post("/routes", {"product_code": "R", "steps": [{"stage_name": "Montaj"}]})
    worker = next(user for user in client.get("/auth/users").json() if user["username"] == "mehmet")
    operator = post("/operators", {"emp_id": "E-1", "operator_name": "Can"})
    job = post("/jobs", {"job_number": "J-1"})
    part = post("/parts", {"part_number": "P-1"})
    cycle = {"machine_type": "press", "ideal_cycle_s": 30, "valid_from": "2026-01-01"}
    known = {
        "report_id": post("/analytics/reports", {"metrics": ["oee"]})["id"],
        "emp_id": operator["emp_id"],
        "job_number": job["job_number"],
        "part_number": part["part_number"],
        "cycle_id": post("/parts/P-1/ideal-cycles", cycle)["id"],
        "level": "EXPERT",
        "status": "PENDING",
        "material": "PA66",
        "wo_id": order["id"],
        "wos_id": stage["id"],
        "issue_id": issue["id"],
        "route_id": route["id"],
        "user_id": worker["id"],
        "machine_id": "P-1",
        "gateway": "hall-2",
        "version": 1,
        "event_id": 1,
        "attachment_id": 1,
    }
    return Service(address, headers, known)


def schema(prefix: str) -> Any:
    """Return the operations of one face of the API."""
    paths = {
        path: item
        for path, item in DOCUMENT["paths"].items()
        if path.startswith("/api/v1/") is (prefix == "/api/v1") and not path.endswith(NEVER_ENDING)
    }
    return schemathesis.openapi.from_dict({**DOCUMENT, "paths": paths})


@schemathesis.serializer(CONTENT_TYPE)
def as_it_is(_: Any, value: Any) -> bytes:
    """Send a batch's body as it was made up."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


BARE, VERSIONED = schema(""), schema("/api/v1")


@BARE.parametrize()
@settings(HOW, max_examples=15)
def test_whatever_is_asked_is_answered_as_described(case, service):
    case.call_and_validate(base_url=service.address, headers=service.headers, checks=CHECKS)


@BARE.include(path_regex=r"\{").parametrize()
@settings(HOW, max_examples=15)
def test_whatever_is_asked_of_what_exists_is_answered_as_described(case, service):
    case.path_parameters = {
        name: service.known.get(name, value) for name, value in (case.path_parameters or {}).items()
    }
    case.call_and_validate(base_url=service.address, headers=service.headers, checks=CHECKS)


@VERSIONED.parametrize()
@settings(HOW, max_examples=3)
def test_the_versioned_face_answers_as_described(case, service):
    case.path_parameters = {
        name: service.known.get(name, value) for name, value in (case.path_parameters or {}).items()
    }
    case.call_and_validate(base_url=service.address, headers=service.headers, checks=CHECKS)

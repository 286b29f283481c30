"""A client that `openapi-python-client` makes of the API's description, driving a served cloud through an order."""

import importlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.integration.cloud.test_serving import environment, serving

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"
PASSWORD = "correct horse"
# an envelope's content, on the face that has one
FACES = ("", "_v1")


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of the package that was made."""
    directory = tmp_path_factory.mktemp("generated")
    words = ["generate", "--path", str(DOCUMENT), "--output-path", str(directory / "plant_client"), "--meta", "none"]
    made = subprocess.run(
        [sys.executable, "-m", "openapi_python_client", *words],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    # one answer it cannot read is one that it leaves out; a batch's bytes are the gateway's own
    said = [line for line in made.stdout.splitlines() if line.startswith(("WARNING", "ERROR", "Unable"))]
    assert [line for line in said if "/ingest/batches" not in line] == []
    sys.path.insert(0, str(directory))
    yield "plant_client"
    sys.path.remove(str(directory))
    for name in [name for name in sys.modules if name.partition(".")[0] == "plant_client"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where a cloud is served that has a planner and a worker."""
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="tz-", ignore_cleanup_errors=True))
        data_dir = Path(directory)
        _, where = stack.enter_context(serving(data_dir, "--migrate"))
        people = [{"username": name, "role": name, "password": PASSWORD} for name in ("planner", "worker")]
        document = str({"organization": "Acme", "users": people}).replace("'", '"')
        words = [sys.executable, "-m", "cloud", "seed", "-"]
        subprocess.run(
            words, env=environment(data_dir), cwd=data_dir, input=document, text=True, timeout=60, check=True
        )
        yield where


class Client:
    """The generated package, with one face of the API and whoever is signed in."""

    def __init__(self, package: str, address: str, face: str) -> None:
        self._package, self._face = package, face
        self.models = self._module("models")
        self._client = self._module("client").Client(base_url=address)
        self._address = address

    def sign_in(self, username: str) -> "Client":
        other = Client(self._package, self._address, self._face)
        # the planner's as JSON, the worker's as the form of OAuth 2.0
        kind = self.models.Credentials if username == "planner" else self.models.LoginForm
        said = self.ask("auth.auth_login", body=kind(username=username, password=PASSWORD))
        other._client = self._module("client").AuthenticatedClient(base_url=self._address, token=said.access_token)
        return other

    def ask(self, operation: str, *path: int, **given: Any) -> Any:
        """Return what an operation answers, or its problem, as an object of the generated model."""
        answer = self._module(f"api.{operation}{self._face}").sync_detailed(*path, client=self._client, **given)
        assert answer.parsed is not None, f"{operation} answered {answer.status_code}, which the client cannot read"
        is_wrapped = self._face and answer.status_code < HTTPStatus.BAD_REQUEST
        return answer.parsed.data if is_wrapped else answer.parsed

    def _module(self, name: str) -> ModuleType:
        return importlib.import_module(f"{self._package}.{name}")


@pytest.mark.parametrize("face", FACES)
def test_a_generated_client_runs_an_order_through(generated, address, face):
    anybody = Client(generated, address, face)
    models = anybody.models
    planner, worker = anybody.sign_in("planner"), anybody.sign_in("worker")
    me = worker.ask("auth.auth_me")
    given = models.WorkOrderIn(
        product_code="KAPAK-12",
        lot_no=f"LOT-ĞÜŞ{face}",
        qty=100,
        planned_start=datetime(2026, 3, 2, 8, tzinfo=UTC),
        planned_end=datetime(2026, 3, 2, 16, tzinfo=UTC),
    )
    order = planner.ask("workorders.workorders_create_work_order", body=given)
    assert isinstance(order, models.WorkOrderOut)
    first, second = planner.ask("workorders.workorders_list_stages", order.id)
    planner.ask("stages.stages_assign_stage", first.id, body=models.AssignmentIn(user_id=me.id))

    refused = worker.ask("stages.stages_start_stage", second.id)
    assert isinstance(refused, models.Problem)
    assert refused.status == 404
    begun = worker.ask("stages.stages_start_stage", first.id)
    assert begun.status == models.StageStatus.IN_PROGRESS
    counted = models.ProductionIn(quantity=100)
    worker.ask("stages.stages_add_production", first.id, body=counted)
    trouble = models.IssueIn(type_=models.IssueType.QUALITY, description="Çapak var")
    issue = worker.ask("issues.issues_report_issue", first.id, body=trouble)
    assert (issue.work_order_stage_id, issue.created_by, issue.description) == (first.id, me.id, "Çapak var")
    done = worker.ask("stages.stages_finish_stage", first.id)
    assert done.status == models.StageStatus.DONE
    assert done.actual_end >= done.actual_start
    again = worker.ask("stages.stages_finish_stage", first.id)
    assert (again.status, again.error_code) == (409, "STAGE_INVALID_TRANSITION")

    assert issue.id in [each.id for each in planner.ask("issues.issues_list_issues")]
    mine = worker.ask("workorders.workorders_list_work_orders", lot_no=given.lot_no)
    assert [each.id for each in mine] == [order.id]

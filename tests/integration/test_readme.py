"""What the README says to type does what it says."""

import asyncio
import json
import os
import re
import shutil
import socket
import uuid
from pathlib import Path

import pytest
import uvicorn

from cloud.app import create_app
from cloud.identity import service
from cloud.identity.schemas import Role

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
WALK = re.search(r"### Run an order through\n.*?```sh\n(.*?)```", README, re.DOTALL)
HAS_TOOLS = all(shutil.which(tool) for tool in ("bash", "curl", "sed"))
# the last line follows the stream for two seconds
CURL_TIMED_OUT = 28
PASSWORD = "correct horse battery"


@pytest.mark.parametrize(
    "tools", ["bash and curl"] if HAS_TOOLS or os.environ.get("TEZGAH_TEST_NOTHING_SKIPPED") else []
)
async def test_an_order_is_worked_from_the_command_line_as_the_readme_has_it(app, settings, tmp_path, tools):
    assert WALK is not None
    organization = f"org-{uuid.uuid4().hex[:8]}"
    async with app.state.database.transaction() as session:
        made = await service.create_organization(session, organization)
        for role in (Role.PLANNER, Role.ADMIN):
            await service.create_user(session, made.id, role.value, role, PASSWORD, app.state.passwords)
    secret = tmp_path / ".demo" / "run" / "password.secret"
    secret.parent.mkdir(parents=True)
    secret.write_text(PASSWORD)
    application = create_app(settings.model_copy(update={"registration_organization": organization}))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(application, log_config=None, timeout_graceful_shutdown=1, loop="none")
        server = uvicorn.Server(config)
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve(sockets=[listener]))
            script = "set -eu\n" + WALK[1].replace("http://127.0.0.1:8400", base)
            pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
            typed = await asyncio.create_subprocess_exec("bash", "-c", script, cwd=tmp_path, **pipes)
            out, err = await asyncio.wait_for(typed.communicate(), 90)
            server.should_exit = True
    said, _, stream = out.decode().partition("retry: ")
    assert typed.returncode == CURL_TIMED_OUT, err.decode() + said
    assert "event: ready" in stream
    answers = [json.loads(each) for each in re.split(r"(?<=[}\]])(?=[{\[])", said) if each]
    assigned, started, counted, issue, done, metrics, pulled, pushed, recorded = answers
    assert assigned["username"] == "mehmet"
    assert (started["status"], counted["quantity"], issue["type"]) == ("in_progress", 100, "quality")
    assert (done["status"], done["quantities"]["good"], metrics["status"]) == ("done", 100, "done")
    assert {each["entity"] for each in pulled["changes"]} == {"work_order", "stage", "issue"}
    assert pushed["results"][0]["status"] == "applied"
    assert {each["kind"] for each in recorded} >= {"created", "granted", "updated"}

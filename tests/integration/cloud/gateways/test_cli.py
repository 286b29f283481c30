"""`tezgah-cloud gateway`, as an operator uses it."""

import json
from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from cloud.errors import Conflict, Invalid, NotFound
from cloud.gateways import tokens
from cloud.gateways.cli import gateways
from cloud.identity.models import Organization


@pytest.fixture
async def organization(database) -> str:
    """The name of an organization."""
    async with database.transaction() as session:
        session.add(Organization(name="Acme"))
    return "Acme"


@pytest.fixture
def gateway(fresh_database_url) -> Callable[..., Result]:
    """A function that runs a command."""

    def run(*words: str) -> Result:
        return CliRunner().invoke(gateways, [*words], env={"TEZGAH_DATABASE_URL": fresh_database_url})

    return run


@pytest.fixture
def database_url(fresh_database_url: str) -> str:
    """These tests commit, so each has a database of its own."""
    return fresh_database_url


def test_a_gateway_is_created_listed_and_revoked(gateway, organization):
    created = gateway("create", "hall-2", "-o", organization)
    assert created.exit_code == 0, created.output
    # the token alone is on standard output, so that a script may keep it
    assert tokens.read(created.stdout.strip()) is not None
    [listed] = json.loads(gateway("list", "-o", organization, "--json").stdout)
    assert (listed["name"], listed["revoked_at"]) == ("hall-2", None)
    assert "token" not in listed
    assert isinstance(gateway("create", "hall-2", "-o", organization).exception, Conflict)
    revoked = json.loads(gateway("revoke", "hall-2", "-o", organization, "--json").stdout)
    assert revoked["revoked_at"] is not None
    renewed = json.loads(gateway("create", "hall-2", "-o", organization, "--json").stdout)
    assert renewed["id"] == listed["id"]
    assert renewed["token"] != created.stdout.strip()


def test_what_cannot_be_done_is_said(gateway, organization):
    assert isinstance(gateway("create", "a\nb", "-o", organization).exception, Invalid)
    assert isinstance(gateway("create", "g", "-o", "Nobody").exception, NotFound)
    assert isinstance(gateway("revoke", "g", "-o", organization).exception, NotFound)
    assert json.loads(gateway("list", "-o", organization, "--json").stdout) == []

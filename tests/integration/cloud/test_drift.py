"""A database that somebody altered by hand: each difference is named, to those whom it concerns."""

import httpx
import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from cloud import schema, tables
from cloud.app import create_app
from cloud.db import driver_url
from cloud.drift import differences
from cloud.errors import SchemaMismatch
from cloud.settings import Settings


def alter(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def found(url: str) -> list[str]:
    engine = create_engine(driver_url(url), poolclass=NullPool)
    with engine.connect() as connection:
        return [str(each) for each in differences(connection, tables.metadata())]


def test_a_database_fresh_from_its_migrations_does_not_differ(database_url):
    assert found(database_url) == []


@pytest.mark.parametrize(
    ("statement", "difference"),
    [
        ("DROP TABLE gap", "table gap: missing, a table expected"),
        ("ALTER TABLE machine DROP COLUMN notes", "machine.notes: missing, a column of type text expected"),
        (
            "ALTER TABLE machine ALTER ideal_cycle_s TYPE real",
            "machine.ideal_cycle_s: type real, type double precision expected",
        ),
        (
            "ALTER TABLE machine ALTER created_at TYPE timestamp",
            "machine.created_at: type timestamp without time zone, type timestamp with time zone expected",
        ),
        ("ALTER TABLE machine ALTER name DROP NOT NULL", "machine.name: nullable, NOT NULL expected"),
        ("ALTER TABLE machine ALTER notes SET NOT NULL", "machine.notes: NOT NULL, nullable expected"),
        ("ALTER TABLE machine ALTER status DROP DEFAULT", "machine.status: default None, default active expected"),
        (
            "ALTER TABLE machine ALTER status SET DEFAULT 'inactive'",
            "machine.status: default inactive, default active expected",
        ),
        (
            "ALTER TYPE machinestatus ADD VALUE 'lost'",
            (
                "enum machinestatus: active, inactive, maintenance, decommissioned, lost, "
                "active, inactive, maintenance, decommissioned expected"
            ),
        ),
        (
            "ALTER TABLE machine ADD shift integer NOT NULL",
            "machine.shift: a NOT NULL column without default, no such column expected",
        ),
        (
            "ALTER TABLE machine DROP CONSTRAINT uq_machine_organization_id_code",
            "constraint uq_machine_organization_id_code of machine: missing or not valid, a valid constraint expected",
        ),
        (
            "ALTER TABLE machine DROP CONSTRAINT ck_machine_ideal_cycle_s",
            "constraint ck_machine_ideal_cycle_s of machine: missing or not valid, a valid constraint expected",
        ),
        (
            "DROP INDEX ix_tag_machine_id",
            "index ix_tag_machine_id of tag: missing or not valid, a valid index expected",
        ),
    ],
)
def test_each_difference_is_named(fresh_database_url, statement, difference):
    alter(fresh_database_url, statement)
    assert found(fresh_database_url) == [difference]


def test_a_column_of_somebody_elses_that_hurts_nobody_is_let_be(fresh_database_url):
    alter(fresh_database_url, "ALTER TABLE machine ADD their_number text")
    alter(fresh_database_url, "CREATE TABLE theirs (id int)")
    assert found(fresh_database_url) == []


def test_a_missing_index_makes_things_slow_and_keeps_nothing_from_starting(fresh_database_url):
    alter(fresh_database_url, "DROP INDEX ix_tag_machine_id")
    assert schema.check_at(fresh_database_url, tables.metadata()) == schema.head()
    alter(fresh_database_url, "ALTER TABLE machine DROP COLUMN notes")
    with pytest.raises(SchemaMismatch) as refused:
        schema.check_at(fresh_database_url, tables.metadata())
    assert "machine.notes: missing, a column of type text expected" in refused.value.mismatches


async def test_the_service_refuses_to_start_on_a_schema_that_was_altered(fresh_database_url):
    alter(fresh_database_url, "ALTER TABLE machine DROP COLUMN notes")
    app = create_app(Settings(_env_file=None, secret_key="k" * 40, database_url=fresh_database_url))
    with pytest.raises(SchemaMismatch):
        async with app.router.lifespan_context(app):
            pass


@pytest.fixture
async def own(fresh_database_url) -> tuple:
    """The application over a database of the test's own, which it may break."""
    settings = Settings(_env_file=None, secret_key="k" * 40, database_url=fresh_database_url)
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://cloud.test") as client:
            yield app, client, fresh_database_url


@pytest.fixture
def app(own):
    """What `tenant` is made in."""
    return own[0]


async def test_a_column_that_goes_while_the_service_runs_is_named_to_admins_only(own, tenant, capsys, caplog):
    _, client, url = own
    caplog.set_level("INFO")
    assert (await client.get("/health/schema")).json()["status"] == "ok"
    alter(url, "ALTER TABLE machine DROP COLUMN notes")
    expected = {
        "/machines": "column machine.notes does not exist",
        "/health/schema": "machine.notes: missing, a column of type text expected",
    }
    for path, mismatch in expected.items():
        told = await client.get(path, headers=tenant.admin)
        assert (told.status_code, told.json()["error_code"]) == (500, "SCHEMA_MISMATCH")
        assert told.json()["mismatches"] == [mismatch]
        public = await client.get(path, headers=tenant.worker)
        assert (public.status_code, public.json()["error_code"]) == (500, "SCHEMA_MISMATCH")
        assert "notes" not in public.text
        # where a log goes is the first test's choice that configures it
        assert mismatch in capsys.readouterr().out + caplog.text
    assert "notes" not in (await client.get("/health/schema")).text
    assert (await client.get("/health/live")).status_code == 200


async def test_a_table_that_goes_while_the_service_runs_is_a_mismatch_and_no_riddle(own, tenant):
    _, client, url = own
    alter(url, "DROP TABLE latest")
    await client.post("/machines", json={"code": "M", "name": "M"}, headers=tenant.admin)
    answer = await client.get("/machines", headers=tenant.admin)
    assert (answer.status_code, answer.json()["error_code"]) == (500, "SCHEMA_MISMATCH")
    assert answer.json()["mismatches"] == ['relation "latest" does not exist']


async def test_a_word_in_the_database_that_this_version_does_not_know_is_named(own, tenant):
    _, client, url = own
    await client.post("/machines", json={"code": "M", "name": "M"}, headers=tenant.admin)
    alter(url, "ALTER TYPE machinestatus ADD VALUE 'lost'")
    alter(url, "UPDATE machine SET status = 'lost'")
    answer = await client.get("/machines/M", headers=tenant.admin)
    assert (answer.status_code, answer.json()["error_code"]) == (500, "SCHEMA_MISMATCH")
    assert "'lost' is not among the defined enum values" in answer.json()["mismatches"][0]
    assert "lost" not in (await client.get("/machines/M", headers=tenant.worker)).text


async def test_a_word_that_the_databases_enum_lost_is_the_databases_mistake(own, tenant):
    _, client, url = own
    alter(url, "ALTER TYPE machinestatus RENAME VALUE 'inactive' TO 'asleep'")
    body = {"code": "M", "name": "M", "status": "inactive"}
    answer = await client.post("/machines", json=body, headers=tenant.admin)
    assert (answer.status_code, answer.json()["error_code"]) == (500, "SCHEMA_MISMATCH")


async def test_a_type_altered_under_a_running_service_is_a_mismatch(own, tenant):
    _, client, url = own
    for _ in range(7):  # until the driver prepares the statement
        assert (await client.get("/machines", headers=tenant.admin)).status_code == 200
    alter(url, "ALTER TABLE machine ALTER notes TYPE varchar(10)")
    told = await client.get("/health/schema", headers=tenant.admin)
    assert told.json()["mismatches"] == ["machine.notes: type character varying(10), type text expected"]

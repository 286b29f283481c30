"""An older backend's file brought into PostgreSQL: clean, dirty, twice, for show, and beside what is there."""

import sqlite3

import httpx
import pytest

from cloud.app import create_app
from cloud.errors import Conflict
from cloud.imports.schemas import Report
from cloud.settings import Settings
from tests.conftest import SECRET_KEY
from tests.integration.cloud.imports import old_backend
from tests.integration.cloud.imports.conftest import COUNTS
from tests.integration.cloud.imports.old_backend import EVENING, MORNING, NOON, PASSWORD


def tallies(report: Report) -> dict[str, dict[str, int]]:
    return {tally.table: tally.model_dump(exclude={"table"}) for tally in report.tables}


def lines(report: Report) -> set[tuple[str, str | None, str, str]]:
    return {(each.table, each.old_id, each.outcome.value, each.column) for each in report.findings}


async def test_a_clean_database_comes_over_with_its_ids_and_its_passwords(bring, rows, fresh_database_url, tmp_path):
    old = old_backend.clean(tmp_path / "OLD.db")
    before = old.read_bytes()
    report = bring(old)
    counted = tallies(report)
    for table, many in (("users", 3), ("work_orders", 2), ("work_order_stages", 3), ("issues", 1)):
        assert counted[table]["in_file"] == counted[table]["brought"] == counted[table]["in_postgresql"] == many
    assert rows("SELECT id, status FROM work_order ORDER BY id") == [(7, "in_progress"), (9, "planned")]
    assert rows("SELECT id, op_number, status FROM work_order_stage ORDER BY id") == [
        (70, 10, "done"),
        (71, 20, "in_progress"),
        (90, 10, "planned"),
    ]
    assert rows("SELECT to_char(planned_start AT TIME ZONE 'UTC', 'HH24:MI') FROM work_order WHERE id = 7") == [
        ("05:00",)
    ]
    assert rows("SELECT id, work_order_id, work_order_stage_id, type, description, created_by FROM issue") == [
        (5, 7, 71, "quality", "Çapak var", 2)
    ]
    assert old.read_bytes() == before
    assert report.findings == []

    settings = Settings(_env_file=None, secret_key=SECRET_KEY, database_url=fresh_database_url, database_pool_size=2)
    application = create_app(settings)
    async with (
        application.router.lifespan_context(application),
        httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://cloud.test") as client,
    ):
        wrong = await client.post("/auth/login", json={"username": "Mehmet", "password": "not it at all"})
        assert wrong.status_code == 401
        answer = await client.post("/auth/login", json={"username": "Mehmet", "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        assert rows("SELECT password_hash LIKE '$argon2id$%' FROM app_user WHERE id = 2") == [(True,)]
        planner = await client.post("/auth/login", json={"username": "planci", "password": PASSWORD})
        signed_in = {"Authorization": f"Bearer {planner.json()['access_token']}"}
        # what comes next has ids beyond those that were kept
        new = {"product_code": "P", "lot_no": "L", "qty": 1}
        window = {"planned_start": "2026-03-02T08:00:00Z", "planned_end": "2026-03-02T09:00:00Z"}
        made = await client.post("/workorders/", json=new | window, headers=signed_in)
        assert made.status_code == 201, made.text
        assert made.json()["id"] == 10
        # a phone that comes for the first time is given them, too
        pulled = (await client.get("/sync/pull", headers=signed_in)).json()
        assert len(pulled["changes"]) >= 9


def test_what_is_dirty_is_mended_or_left_out_each_with_a_line(bring, rows, tmp_path):
    report = bring(old_backend.dirty(tmp_path / "OLD.db"))
    counted = tallies(report)
    for tally in counted.values():
        accounted = ("brought", "already_here", "duplicates", "refused", "orphans")
        assert tally["in_file"] == sum(tally[name] for name in accounted)
    assert counted["work_orders"]["refused"] == 4
    assert counted["work_order_stages"]["orphans"] == 2
    said = lines(report)
    assert said >= {
        ("users", "4", "repaired", "username"),
        ("users", "5", "repaired", "password_hash"),
        ("users", "6", "refused", "username"),
        ("users", "7", "repaired", "role"),
        ("work_orders", "10", "repaired", "qty"),
        ("work_orders", "11", "refused", "qty"),
        ("work_orders", "12", "repaired", "planned_end"),
        ("work_orders", "13", "refused", "qty"),
        ("work_orders", "14", "repaired", "product_code"),
        ("work_orders", "15", "refused", "planned_start"),
        ("work_orders", "16", "refused", "product_code"),
        ("work_orders", "4000000000", "renumbered", "id"),
        ("work_order_stages", "101", "orphan", "work_order_id"),
        ("work_order_stages", "102", "orphan", "work_order_id"),
        ("work_order_stages", "103", "repaired", "status"),
        ("work_order_stages", "104", "repaired", "actual_start"),
        ("issues", "6", "orphan", "work_order_stage_id"),
        ("issues", "7", "repaired", "created_by"),
        ("issues", "8", "repaired", "type"),
    }
    assert "sha256:0f0f" not in report.model_dump_json()
    assert rows("SELECT username, role FROM app_user WHERE id IN (4, 5) ORDER BY id") == [
        ("mehmet.2", "worker"),
        ("ayşe yılmaz", "worker"),
    ]
    assert rows("SELECT product_code FROM work_order WHERE id = 14") == [("P5",)]
    assert rows("SELECT id FROM work_order WHERE product_code = 'P-7'") == [(15,)]
    assert rows("SELECT description FROM issue WHERE id = 8") == [("[gremlins] -",)]


def test_a_second_run_brings_what_came_since_and_changes_nothing(bring, rows, tmp_path):
    old = old_backend.dirty(tmp_path / "OLD.db")
    first = tallies(bring(old))
    counts = rows(COUNTS)
    again = tallies(bring(old))
    assert rows(COUNTS) == counts
    assert [tally["brought"] for tally in again.values()] == [0] * 5
    assert again["work_orders"]["already_here"] == first["work_orders"]["brought"]
    # here a stage is finished; there one is added, and another changed
    rows("UPDATE work_order_stage SET stage_name = 'ours' WHERE id = 90")
    with sqlite3.connect(old) as connection:
        connection.execute("UPDATE work_order_stages SET stage_name = 'theirs' WHERE id = 90")
    old_backend.fill(
        old,
        users=[(20, "planci", "!", "admin")],
        work_order_stages=[(91, 9, "Montaj", NOON, EVENING, NOON, None, "in_progress")],
        issues=[(20, 91, "safety", "x", 20, NOON)],
    )
    report = bring(old)
    third = tallies(report)
    assert [tally["brought"] for tally in third.values()] == [1, 0, 1, 1, 0]
    assert ("work_order_stages", "90", "changed", "") in lines(report)
    assert rows("SELECT stage_name FROM work_order_stage WHERE id = 90") == [("ours",)]
    assert rows("SELECT op_number FROM work_order_stage WHERE id = 91") == [(20,)]
    assert rows("SELECT status FROM work_order WHERE id = 9") == [("in_progress",)]
    # somebody new of the same name is somebody else
    assert rows("SELECT username FROM app_user WHERE id = 20") == [("planci.2",)]
    assert rows("SELECT created_by FROM issue WHERE id = 20") == [(20,)]


def test_a_dry_run_tells_the_same_and_keeps_nothing(bring, rows, tmp_path):
    old = old_backend.dirty(tmp_path / "OLD.db")
    before = rows(COUNTS)
    told = tallies(bring(old, is_dry_run=True))
    assert rows(COUNTS) == before
    assert rows("SELECT last_value, is_called FROM work_order_id_seq") == [(1, False)]
    assert tallies(bring(old)) == told


def test_ids_that_are_taken_are_given_anew_and_followed(bring, rows, tmp_path):
    rows("INSERT INTO organization (name) VALUES ('Other')")
    rows(
        "INSERT INTO app_user (id, organization_id, username, password_hash, role) "
        "SELECT 2, id, 'taken', '!', 'worker' FROM organization WHERE name = 'Other'"
    )
    rows(
        "INSERT INTO app_user (id, organization_id, username, password_hash, role) "
        "SELECT 8, id, 'planci', '!', 'admin' FROM organization WHERE name = 'Acme'"
    )
    report = bring(old_backend.clean(tmp_path / "OLD.db"))
    counted = tallies(report)
    assert counted["users"] | {"brought": 2, "duplicates": 1, "in_postgresql": 3} == counted["users"]
    assert {("users", "2", "renumbered", "id"), ("users", "3", "duplicate", "username")} <= lines(report)
    assert rows("SELECT id FROM app_user WHERE username = 'mehmet'") == [(9,)]
    assert rows("SELECT created_by FROM issue") == [(9,)]
    assert rows("SELECT role, password_hash FROM app_user WHERE username = 'planci'") == [("admin", "!")]


def test_another_database_under_the_same_name_is_noticed(bring, rows, tmp_path):
    bring(old_backend.clean(tmp_path / "OLD.db"))
    other = old_backend.fill(
        tmp_path / "OTHER.db",
        work_orders=[(7, "X", "L", 1, MORNING, EVENING), (9, "Y", "L", 1, MORNING, EVENING)],
    )
    with pytest.raises(Conflict, match="--source NAME"):
        bring(other)
    counted = tallies(bring(other, source="hall-2"))
    assert counted["work_orders"]["brought"] == 2
    assert rows("SELECT count(*) FROM work_order") == [(4,)]


def test_assignments_come_along_or_open_stages_go_to_every_worker(bring, rows, tmp_path):
    old = old_backend.clean(tmp_path / "OLD.db")
    with sqlite3.connect(old) as connection:
        connection.execute("CREATE TABLE stage_assignments (user_id INTEGER, stage_id INTEGER)")
        connection.executemany("INSERT INTO stage_assignments VALUES (?, ?)", [(2, 71), (2, 71), (2, 999), (77, 71)])
    counted = tallies(bring(old))["assignments"]
    assert (counted["brought"], counted["duplicates"], counted["orphans"]) == (1, 1, 2)
    assert rows("SELECT stage_id, user_id, work_order_id FROM stage_assignment") == [(71, 2, 7)]
    assert tallies(bring(old))["assignments"]["already_here"] == 2
    other = old_backend.clean(tmp_path / "OTHER.db")
    bring(other, source="other", assign_open=True)
    assert rows("SELECT count(*) FROM stage_assignment") == [(3,)]

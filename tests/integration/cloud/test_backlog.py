"""What `/metrics` says of work that waits."""

from datetime import UTC, datetime

from prometheus_client import CollectorRegistry
from sqlalchemy import text

from cloud.app import QUEUES
from cloud.backlog import Backlog
from cloud.db import Database


async def test_what_is_due_is_counted_and_how_long_the_oldest_has_waited(database):
    registry = CollectorRegistry()
    backlog = Backlog(database, registry, {"some": text("SELECT 3, 90.5"), "none": text("SELECT 0, NULL")})
    await backlog.look()
    assert registry.get_sample_value("tezgah_database_up") == 1
    assert registry.get_sample_value("tezgah_background_waiting", {"queue": "some"}) == 3
    assert registry.get_sample_value("tezgah_background_oldest_seconds", {"queue": "some"}) == 90.5
    assert registry.get_sample_value("tezgah_background_oldest_seconds", {"queue": "none"}) == 0


async def test_a_database_that_is_away_is_told_and_figures_go_on():
    away = Database("postgresql://nobody@127.0.0.1:1/none", pool_size=1, timeout_s=2)
    registry = CollectorRegistry()
    await Backlog(away, registry, {"some": text("SELECT 1, 1")}).look()
    await away.close()
    assert registry.get_sample_value("tezgah_database_up") == 0


async def test_metrics_tell_of_the_services_own_queues(app, app_client):
    due = datetime(2026, 3, 2, tzinfo=UTC)
    async with app.state.database.transaction() as session:
        await session.execute(text("INSERT INTO organization (name) VALUES ('waits')"))
        await session.execute(
            text(
                "INSERT INTO gateway (organization_id, name) SELECT id, 'waits' FROM organization WHERE name = 'waits'"
            )
        )
        await session.execute(
            text(
                "INSERT INTO touched (gateway_id, due_at, tag_ids, minutes) "
                "SELECT id, :due, '{1}', '{1}' FROM gateway WHERE name = 'waits'"
            ),
            {"due": due},
        )
    shown = (await app_client.get("/metrics")).text
    assert "tezgah_database_up 1.0" in shown
    assert 'tezgah_background_waiting{queue="rollups"} 1.0' in shown
    for name in QUEUES:
        assert f'tezgah_background_oldest_seconds{{queue="{name}"}}' in shown

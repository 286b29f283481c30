"""Configurations that are set for a gateway: versions that nobody alters, fetched and answered for by the gateway."""

import asyncio

import pytest

from tests.integration.cloud.gateways.test_enrolment import bearer, enrolled, shown

DOCUMENT = "version: 1\ngateway: {id: hall-2, timezone: Europe/Istanbul}\n# ölçü aleti\n"


async def set_next(app_client, tenant, document: str = DOCUMENT, tag: str | None = None, **given):
    headers = tenant.admin | ({"If-Match": tag} if tag else {})
    body = {"document": document, **given}
    return await app_client.put("/gateways/hall-2/configuration", json=body, headers=headers)


async def test_a_gateway_hears_of_a_configuration_fetches_it_and_says_what_became_of_it(app_client, tenant):
    token = await enrolled(app_client, tenant)
    before = await app_client.get("/gateways/configuration", headers=bearer(token))
    assert (before.status_code, before.json()["error_code"]) == (404, "CONFIGURATION_NOT_FOUND")
    assert "Tezgah-Configuration" not in (await app_client.post("/gateways/alive", headers=bearer(token))).headers
    answer = await set_next(app_client, tenant, note="the new press")
    assert (answer.status_code, answer.json()["version"]) == (200, 1)
    assert (await app_client.post("/gateways/alive", headers=bearer(token))).headers["Tezgah-Configuration"] == "1"
    fetched = (await app_client.get("/gateways/configuration", headers=bearer(token))).json()
    assert (fetched["version"], fetched["document"]) == (1, DOCUMENT)
    told = {"version": 1, "outcome": "refused", "detail": "line 3: unknown key"}
    answer = await app_client.post("/gateways/configuration/outcome", json=told, headers=bearer(token))
    assert answer.status_code == 204
    gateway = await shown(app_client, tenant)
    assert [gateway[f"configuration_{name}"] for name in ("version", "outcome", "detail")] == list(told.values())


async def test_versions_are_listed_newest_first_and_each_can_be_looked_at(app_client, tenant):
    await enrolled(app_client, tenant)
    for number in range(3):
        await set_next(app_client, tenant, f"version: 1 # {number}")
    listed = (await app_client.get("/gateways/hall-2/configurations", headers=tenant.admin)).json()
    assert [line["version"] for line in listed] == [3, 2, 1]
    assert "document" not in listed[0]
    second = await app_client.get("/gateways/hall-2/configurations/2", headers=tenant.admin)
    assert second.json()["document"] == "version: 1 # 1"
    assert (await app_client.get("/gateways/hall-2/configurations/4", headers=tenant.admin)).status_code == 404


async def test_whoever_goes_by_an_older_one_is_refused(app_client, tenant):
    await enrolled(app_client, tenant)
    await set_next(app_client, tenant)
    tag = (await app_client.get("/gateways/hall-2/configuration", headers=tenant.admin)).headers["ETag"]
    assert (await set_next(app_client, tenant, "version: 1 # mine", tag)).status_code == 200
    assert (await set_next(app_client, tenant, "version: 1 # yours", tag)).status_code == 412


async def test_of_twenty_set_at_once_each_gets_a_version_of_its_own(app_client, tenant):
    await enrolled(app_client, tenant)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(set_next(app_client, tenant, f"version: 1 # {number}")) for number in range(20)]
    assert sorted(task.result().json()["version"] for task in tasks) == list(range(1, 21))


@pytest.mark.parametrize("document", ["", "a\x00b", "x" * 500_001, None])
async def test_what_is_no_text_or_too_long_is_refused(app_client, tenant, document):
    await enrolled(app_client, tenant)
    assert (await set_next(app_client, tenant, document)).status_code == 422


async def test_a_gateway_answers_only_for_configurations_that_it_has(app_client, tenant):
    token = await enrolled(app_client, tenant)
    told = {"version": 1, "outcome": "applied"}
    answer = await app_client.post("/gateways/configuration/outcome", json=told, headers=bearer(token))
    assert answer.status_code == 404


async def test_a_persons_token_does_not_open_a_gateways_paths(app_client, tenant):
    for method, path in (("GET", "configuration"), ("POST", "configuration/outcome"), ("POST", "rotate")):
        answer = await app_client.request(method, f"/gateways/{path}", json={}, headers=tenant.admin)
        assert answer.status_code == 401

"""The one error body, as the whole service gives it."""

from datetime import UTC, datetime

import pytest

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nope", 404, "NOT_FOUND"),
        ("GET", "/api/v1/nope", 404, "NOT_FOUND"),
        ("GET", "/{brace}/{0}", 404, "NOT_FOUND"),
        ("DELETE", "/machines", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/machines", 401, "UNAUTHORIZED"),
        ("POST", "/auth/login", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ],
)
async def test_every_error_has_the_same_members(app_client, method, path, status, code):
    answer = await app_client.request(method, path, headers={"X-Request-ID": "r-42"})
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Request-ID"] == "r-42"
    body = answer.json()
    assert body["type"] == f"/errors/{code.lower().replace('_', '-')}"
    assert (body["status"], body["error_code"], body["instance"], body["request_id"]) == (status, code, path, "r-42")
    assert isinstance(body["title"], str)
    assert isinstance(body["detail"], str)
    assert body["timestamp"].endswith("Z")
    assert abs((datetime.now(UTC) - datetime.fromisoformat(body["timestamp"])).total_seconds()) < 60


@pytest.mark.parametrize(
    ("asked", "language", "title", "detail"),
    [
        ("tr-TR,tr;q=0.9,en;q=0.5", "tr", "Bulunamadı", "NOPE adında bir makine yok."),
        ("en, tr;q=0.9", "en", "Not found", "There is no machine NOPE."),
        ("de", "en", "Not found", "There is no machine NOPE."),
    ],
)
async def test_an_error_is_said_in_the_language_that_was_asked_for(app_client, tenant, asked, language, title, detail):
    answer = await app_client.get("/machines/NOPE", headers=tenant.worker | {"Accept-Language": asked})
    body = answer.json()
    assert (body["title"], body["detail"], body["machine"]) == (title, detail, "NOPE")
    assert body["error_code"] == "MACHINE_NOT_FOUND"
    assert answer.headers["Content-Language"] == language
    assert "Accept-Language" in answer.headers["Vary"]


async def test_every_kind_of_refusal_speaks_turkish(app_client, tenant):
    turkish = {"Accept-Language": "tr"}
    worker = tenant.worker | turkish

    async def detail(method: str, path: str, headers: dict, **more) -> str:
        return (await app_client.request(method, path, headers=headers, **more)).json()["detail"]

    assert await detail("GET", "/nope", turkish) == "/nope yolunda bir şey yok."
    assert await detail("DELETE", "/auth/me", turkish) == (
        "/auth/me yolu DELETE yöntemini yanıtlamıyor; yanıtladıkları Allow başlığında yazıyor."
    )
    assert (await detail("GET", "/machines", turkish)).startswith("Oturum açın")
    assert await detail("POST", "/machines", worker, json={"code": "M", "name": "M"}) == (
        "Bu işlem için yönetici veya planlamacı rolü gerekir; sizin rolünüz: çalışan."
    )
    too_large = await detail("POST", "/machines", worker, content=b" " * (1024 * 1024 + 1))
    assert too_large == "Gövde, /machines yolunun kabul ettiği 1048576 bayttan büyük."
    admin = tenant.admin | turkish
    wrong = await detail("POST", "/machines", admin, json={"code": "M", "name": "M", "status": "on"})
    assert wrong == "body.status: active, inactive, maintenance veya decommissioned olmalı; 'on' geçersiz."
    login = await detail("POST", "/auth/login", turkish, json={"username": "nobody", "password": "wrong-one"})
    assert login == "Kullanıcı adı veya parola yanlış."


async def test_who_may_not_is_told_what_would_be_needed(app_client, tenant):
    answer = await app_client.post("/machines", json={"code": "M", "name": "M"}, headers=tenant.worker)
    assert answer.status_code == 403
    assert answer.json()["required_permission"] == ["admin", "planner"]


async def test_a_method_that_is_not_taken_is_answered_with_those_that_are(app_client):
    assert (await app_client.delete("/auth/me")).headers["Allow"] == "GET"
    assert (await app_client.delete("/api/v1/workorders/")).headers["Allow"] == "GET, POST"


async def test_an_error_reads_from_its_kind_to_its_facts_in_letters_that_people_read(app_client, tenant):
    answer = await app_client.get("/machines/ÜTÜ-1", headers=tenant.worker | {"Accept-Language": "tr"})
    assert "ÜTÜ-1 adında bir makine yok" in answer.text
    assert list(answer.json())[:4] == ["type", "title", "status", "detail"]
    assert answer.json()["machine"] == "ÜTÜ-1"


@pytest.mark.parametrize(("given", "shown"), [("çalışıyor", "'çalışıyor'"), (None, "null"), ("a\n", r"'a\n'")])
async def test_a_word_that_is_none_of_a_set_is_shown_as_it_was_sent(app_client, tenant, given, shown):
    answer = await app_client.patch("/machines/M-9", json={"status": given}, headers=tenant.admin)
    assert f"not {shown}" in answer.json()["detail"]


async def test_a_body_that_is_no_json_is_told_so(app_client, tenant):
    answer = await app_client.post("/workorders/", content=b"{", headers=tenant.planner | JSON)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["type"] == "json_invalid"


@pytest.mark.parametrize("value", ["1e400", "NaN", "Infinity"])
async def test_a_number_that_is_none_is_422_and_never_a_crash(app_client, tenant, value):
    body = f'{{"code": "M", "name": "M", "ideal_cycle_s": {value}}}'.encode()
    answer = await app_client.post(
        "/machines", content=body, headers=tenant.admin | {"Content-Type": "application/json"}
    )
    assert answer.status_code == 422


async def test_a_body_over_a_mebibyte_is_413(app_client, tenant):
    answer = await app_client.post("/machines", content=b" " * (1024 * 1024 + 1), headers=tenant.admin)
    assert answer.status_code == 413
    assert answer.json()["error_code"] == "BODY_TOO_LARGE"

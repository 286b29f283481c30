"""Bodies that mean nothing, or mean harm: each is answered with 4xx, and never with 5xx."""

import gzip

import pytest

JSON = {"Content-Type": "application/json"}
MACHINE = '"code": "M", "name": "M"'


@pytest.mark.parametrize(
    "body",
    [
        f'{{{MACHINE}, "ideal_cycle_s": NaN}}',
        f'{{{MACHINE}, "ideal_cycle_s": 1e999}}',
        f'{{{MACHINE}, "ideal_cycle_s": -Infinity}}',
        f'{{{MACHINE}, "active_cavities": 2147483648}}',
        f'{{{MACHINE}, "active_cavities": {"9" * 5000}}}',
        f'{{{MACHINE}, "notes": "a\\u0000"}}',
        f'{{{MACHINE}, "notes": "\\ud800"}}',
        f'{{{MACHINE}, "location": "a\\nb"}}',
        f'{{{MACHINE}, "next_maintenance_date": "0001-01-01T00:00:00+14:00"}}',
        f'{{{MACHINE}, "next_maintenance_date": "9999-12-31T23:59:59-14:00"}}',
        f'{{{MACHINE}, "next_maintenance_date": 1e300}}',
        f'{{{MACHINE}, "purchase_date": "10000-01-01"}}',
        f'{{{MACHINE}, "code": "N"}}',
        f'{{{MACHINE}, "unknown": 1}}',
        f'{{{MACHINE}, "name": "{"x" * 201}"}}',
        "[" * 100_000,
        '{"a":' * 50_000,
        "",
        "null",
        "[]",
        '"x"',
        "{",
        '{"code": "M"}',
        b"\xff\xfe{}".decode("latin-1"),
    ],
    ids=lambda body: repr(body[:60]),
)
async def test_a_body_that_cannot_be_is_answered_with_422(app_client, tenant, body):
    answer = await app_client.post("/machines", content=body.encode(), headers=tenant.admin | JSON)
    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert isinstance(answer.json()["detail"], str)


async def test_a_name_that_is_given_twice_is_named(app_client, tenant):
    answer = await app_client.post("/machines", content=f'{{{MACHINE}, "code": "N"}}', headers=tenant.admin | JSON)
    (mistake,) = answer.json()["errors"]
    assert mistake["type"] == "json_invalid"
    assert "code" in mistake["msg"]


@pytest.mark.parametrize("body", [b"\xff", b'{"code": "\xff"}', gzip.compress(b"{}", mtime=0)])
async def test_bytes_that_are_no_text_are_refused(app_client, tenant, body):
    answer = await app_client.post("/machines", content=body, headers=tenant.admin | JSON)
    assert answer.status_code in {400, 422}


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "GZIP", "identity, gzip"])
@pytest.mark.parametrize("cut", [None, 10])
async def test_a_compressed_body_whole_or_cut_off_is_told_to_come_as_it_is(app_client, tenant, encoding, cut):
    body = gzip.compress(f"{{{MACHINE}}}".encode())[:cut]
    headers = tenant.admin | JSON | {"Content-Encoding": encoding}
    answer = await app_client.post("/machines", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error_code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert answer.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data", ""])
async def test_a_body_of_another_kind_is_refused(app_client, tenant, kind):
    answer = await app_client.post("/machines", content=f"{{{MACHINE}}}", headers=tenant.admin | {"Content-Type": kind})
    assert 400 <= answer.status_code < 500


@pytest.mark.parametrize("row_id", ["0", "-1", "2147483648", "1e3", "x", "9" * 400, "%00"])
async def test_an_id_that_cannot_be_is_answered_with_4xx(app_client, tenant, row_id):
    for path in ("/workorders/{}", "/maintenance/orders/{}", "/workorders/{}/stages"):
        answer = await app_client.get(path.format(row_id), headers=tenant.admin)
        assert answer.status_code in {404, 422}

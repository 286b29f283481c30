"""Photos of issues over HTTP."""

import hashlib
from pathlib import Path

import pytest

from cloud.issues import attachments, photo

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(range(256)) * 8
PNG = b"\x89PNG\r\n\x1a\n" + b"png"
WEBP = b"RIFF\x10\x00\x00\x00WEBPVP8 "
HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00"


@pytest.fixture
def attach(app_client, tenant):
    async def send(issue, content, name="photo.jpg", media_type="image/jpeg", headers=None):
        files = {"file": (name, content, media_type)}
        return await app_client.post(
            f"/issues/{issue['id']}/attachments", files=files, headers=headers or tenant.worker
        )

    return send


async def test_a_photo_comes_back_as_it_was_taken(app_client, tenant, report, attach):
    issue = await report()
    for number, (content, kind, extension) in enumerate(
        [
            (JPEG, "image/jpeg", "jpg"),
            (PNG, "image/png", "png"),
            (WEBP, "image/webp", "webp"),
            (HEIC, "image/heic", "heic"),
        ]
    ):
        # whatever it is called, and whatever it is said to be
        made = await attach(issue, content, "../../etc/passwd", "text/html")
        assert made.status_code == 201, made.text
        shown = made.json()
        assert (shown["media_type"], shown["size"], shown["filename"]) == (kind, len(content), "passwd")
        assert shown["sha256"] == hashlib.sha256(content).hexdigest()
        answer = await app_client.get(f"/issues/{issue['id']}/attachments/{shown['id']}", headers=tenant.planner)
        assert (answer.status_code, answer.content) == (200, content)
        assert answer.headers["Content-Type"] == kind
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        name = f"issue-{issue['id']}-{shown['id']}.{extension}"
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
        listed = (await app_client.get(f"/api/v1/issues/{issue['id']}/attachments", headers=tenant.worker)).json()
        assert listed["data"][number] == shown


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "PHOTO_EMPTY"),
        (b"<svg onload='alert(1)'/>", 415, "NOT_A_PHOTO"),
        (b"%PDF-1.7", 415, "NOT_A_PHOTO"),
        (b"GIF89a" + b"\xff\xd8\xff", 415, "NOT_A_PHOTO"),
        (JPEG + bytes(photo.MAX_BYTES), 413, "PHOTO_TOO_LARGE"),
        (JPEG + bytes(photo.MAX_BYTES * 2), 413, "BODY_TOO_LARGE"),
    ],
    ids=["empty", "svg", "pdf", "gif", "large", "huge"],
)
async def test_what_is_no_photo_is_refused_and_not_kept(
    app_client, tenant, report, attach, settings, content, status, code
):
    issue = await report()
    answer = await attach(issue, content)
    assert (answer.status_code, answer.json()["error_code"]) == (status, code)
    assert not list(files(settings.photos_dir))
    assert (await app_client.get(f"/issues/{issue['id']}/attachments", headers=tenant.worker)).json() == []


async def test_a_photo_that_is_not_sent_as_a_file_is_refused(app_client, tenant, report):
    issue = await report()
    path = f"/issues/{issue['id']}/attachments"
    assert (await app_client.post(path, headers=tenant.worker)).status_code == 422
    assert (await app_client.post(path, data={"file": "x"}, headers=tenant.worker)).status_code == 422
    assert (await app_client.post(path, json={"file": "x"}, headers=tenant.worker)).status_code == 422


async def test_an_issue_takes_so_many_photos_and_no_more(tenant, report, attach):
    issue = await report()
    for _ in range(attachments.MAX_PHOTOS):
        assert (await attach(issue, PNG)).status_code == 201
    answer = await attach(issue, PNG)
    assert (answer.status_code, answer.json()["error_code"]) == (409, "TOO_MANY_PHOTOS")


async def test_a_photo_sent_again_with_its_key_is_kept_once(app_client, tenant, report, attach, settings):
    issue = await report()
    headers = tenant.worker | {"Idempotency-Key": "photo-1"}
    first, second = await attach(issue, JPEG, headers=headers), await attach(issue, JPEG, headers=headers)
    assert (second.status_code, second.json()) == (201, first.json())
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len(list(files(settings.photos_dir))) == 1


async def test_a_photo_whose_bytes_are_gone_is_told_so(app_client, tenant, report, attach, settings):
    issue = await report()
    made = (await attach(issue, JPEG)).json()
    for file in files(settings.photos_dir):
        file.unlink()
    answer = await app_client.get(f"/issues/{issue['id']}/attachments/{made['id']}", headers=tenant.worker)
    assert (answer.status_code, answer.json()["error_code"]) == (404, "PHOTO_GONE")
    answer = await app_client.get(f"/issues/{issue['id']}/attachments/999", headers=tenant.worker)
    assert (answer.status_code, answer.json()["error_code"]) == (404, "ATTACHMENT_NOT_FOUND")


def files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()] if directory.exists() else []

"""What a photo is, by its bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.issues import photo


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xff\xd8\xff\xe1", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"RIFF\x00\x00\x00\x00WEBP", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVE", None),
        (b"\x00\x00\x00\x18ftypheix", "image/heic"),
        (b"\x00\x00\x00\x18ftypmp42", None),
        (b"\x00\x00\x00\x18ftyp", None),
        (b"\xff\xd8", None),
        (b"GIF89a", None),
        (b"<html>", None),
        (b"", None),
    ],
    ids=repr,
)
def test_a_photo_is_told_by_its_first_bytes(content, kind):
    assert photo.media_type(content) == kind


@given(st.binary(max_size=64))
def test_any_bytes_are_one_kind_of_photo_or_none(content):
    assert photo.media_type(content) in {*photo.EXTENSIONS, None}


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("kalıp.jpg", "kalıp.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\a\\b.png", "b.png"),
        ("a\x00\r\nb.jpg", "ab.jpg"),
        ("x" * 300, "x" * 200),
        ("/", None),
        ("\ud800", None),
        (None, None),
    ],
    ids=repr,
)
def test_of_a_files_name_only_what_can_be_shown_stays(filename, name):
    assert photo.called(filename) == name


@given(st.none() | st.text())
def test_no_name_is_a_path_or_holds_a_control(filename):
    name = photo.called(filename)
    assert name is None or not set(name) & set("/\\\x00\r\n")

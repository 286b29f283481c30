"""Reading a job log from a file; `tests/integration/cloud/imports/joblog` reads one from MariaDB."""

import pytest

from cloud.errors import BadRequest
from cloud.imports.joblog import source
from cloud.imports.joblog.mapping import ColumnMapping

HEAD = "id;machine;StartTime;EndTime\n"


def rows(path):
    with source.opened(str(path), ColumnMapping()) as opened:
        return [(raw.number, raw.cells["machine"], raw.cells.get("end_time")) for raw in opened.rows]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_file_is_read_by_whatever_parts_its_columns(tmp_path, delimiter):
    path = tmp_path / "log.csv"
    path.write_text((HEAD + "1;M1;a;NULL\n\n2;M2\n").replace(";", delimiter), encoding="utf-8-sig")
    assert rows(path) == [(2, "M1", None), (4, "M2", None)]


def test_what_windows_wrote_in_turkey_is_read(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes((HEAD + '1;"ŞİŞE\n1";a;b\n').encode("cp1254"))
    assert rows(path) == [(3, "ŞİŞE\n1", "b")]


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("none.csv", "cannot be read"),
        ("oracle://x/y", "begins with neither"),
        ("mysql://host", "should read mysql://user@host:3306/database"),
        ("mysql://host/db?tls=1", "should read"),
        ("mysql://host:high/db", "mysql://host:high/db"),
    ],
)
def test_an_address_that_cannot_be_meant_is_named(tmp_path, address, words):
    with pytest.raises(BadRequest, match=words), source.opened(address, ColumnMapping()):
        pass


def test_an_empty_file_and_a_secret_are_not_shown(tmp_path):
    (tmp_path / "empty.csv").write_text("\n", encoding="utf-8")
    with pytest.raises(BadRequest, match="is empty"), source.opened(str(tmp_path / "empty.csv"), ColumnMapping()):
        pass
    with pytest.raises(BadRequest) as told, source.opened("mysql://me:hush@host/", ColumnMapping()):
        pass
    assert "hush" not in told.value.message

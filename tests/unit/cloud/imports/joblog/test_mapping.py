"""Which column of a job log means what."""

import pytest

from cloud.errors import BadRequest
from cloud.imports.joblog import mapping


def written(tmp_path, text):
    path = tmp_path / "mapping.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_the_names_are_cimcos_in_any_case():
    found = mapping.found(["ID", "MACHINE", "starttime", "Extra"], mapping.read(None), "x.csv")
    assert found == {"id": "ID", "machine": "MACHINE", "start_time": "starttime"}


def test_a_file_names_columns_a_table_and_words_of_the_state(tmp_path):
    text = 'table = "log"\n[columns]\nmachine = "Tezgah"\n[states]\nCLOSED = ["Bitti"]\n'
    how = mapping.read(written(tmp_path, text))
    assert how.table == "log"
    assert mapping.found(["Tezgah", "StartTime"], how, "log") == {"machine": "Tezgah", "start_time": "StartTime"}
    assert how.state_words()["bitti"] == "CLOSED"
    assert how.state_words()["opened"] == "OPENED"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("table =", "no TOML"),
        ('[columns]\nmaschine = "M"', "columns.maschine"),
        ("[columns]\nmachine = 7", "columns.machine"),
        ('[states]\nOPEN = ["x"]', "states.OPEN"),
        ("colums = {}", "colums"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path, text, words):
    with pytest.raises(BadRequest, match=words):
        mapping.read(written(tmp_path, text))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BadRequest, match="cannot be read"):
        mapping.read(tmp_path / "none.toml")


def test_a_column_that_is_needed_or_mapped_and_not_there_is_named(tmp_path):
    with pytest.raises(BadRequest, match="no column StartTime; it has machine"):
        mapping.found(["machine"], mapping.read(None), "x.csv")
    how = mapping.read(written(tmp_path, '[columns]\nidle = "Boşta"'))
    with pytest.raises(BadRequest, match="no column Boşta"):
        mapping.found(["machine", "StartTime"], how, "x.csv")

import json

from edge.doctor.diagnosis import Diagnosis, Row, Section, Table
from edge.drivers.inspection import Alternative, Finding, Severity


def test_the_document_has_everything_for_programs() -> None:
    row = Row("a", "0001", "1", "0.1", "kW", "good", "", None, [Alternative("big", "1", is_configured=True)])
    findings = [Finding(Severity.WARNING, "d", "odd", "look"), Finding(Severity.ERROR, "", "broken")]
    whole = Diagnosis("f", "g", "1", 0.1234, [Section("line", findings, [("k", "v")], [Table("d", [row])])])
    document = json.loads(json.dumps(whole.document()))
    assert (document["ok"], document["counts"]) == (False, {"notes": 0, "warnings": 1, "errors": 1})
    (section,) = document["sections"]
    assert [finding["severity"] for finding in section["findings"]] == ["error", "warning"]
    assert section["facts"] == {"k": "v"}
    assert section["devices"][0]["tags"][0]["alternatives"][0]["label"] == "big"


def test_warnings_alone_are_sound() -> None:
    assert Diagnosis("f", "g", "1", 0, [Section("s", [Finding(Severity.WARNING, "", "w")])]).is_sound

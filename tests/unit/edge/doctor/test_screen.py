import dataclasses

from rich.console import Console

from edge.doctor import screen
from edge.doctor.diagnosis import Diagnosis, Row, Section, Table
from edge.drivers.inspection import Alternative, Finding, Severity


def shown(*sections: Section) -> str:
    console = Console(width=100, color_system=None)
    with console.capture() as capture:
        console.print(screen.diagnosis(Diagnosis("edge.yaml", "hall", "1.0", 0.5, sections)))
    return capture.get()


ROW = Row(
    "power",
    "41AC 0000",
    "215",
    "21.5",
    "kW",
    "good",
    "",
    3.2,
    [Alternative("big", "215", is_configured=True, is_plausible=True), Alternative("little", "-7e+18")],
)


def test_a_table_shows_words_values_and_every_byte_order() -> None:
    text = shown(Section("connection line", tables=[Table("meter-1", [ROW])]))
    assert "41AC 0000" in text
    assert "21.5 kW  (raw 215)" in text
    assert "3.2 s ago" in text
    assert "[215] *" in text
    assert "-7e+18" in text


def test_findings_stand_worst_first_each_with_its_fix() -> None:
    found = [Finding(Severity.NOTE, "", "fine [by me]"), Finding(Severity.ERROR, "meter", "broken", "mend it")]
    text = shown(Section("line", found))
    assert text.index("broken") < text.index("fine [by me]")
    assert "→ mend it" in text
    assert "1 error, 1 note" in text


def test_a_sound_gateway_is_said_to_be_so() -> None:
    assert "nothing stands in the way; it took 0.5 s" in shown(Section("disk"))


def test_ages_are_written_as_people_say_them() -> None:
    assert [screen.age(s) for s in (None, 0.01, 5, -5, 600, 10_000, 10**6)] == [
        "",
        "now",
        "5.0 s ago",
        "5.0 s ahead",
        "10.0 min ago",
        "2.8 h ago",
        "12 days ago",
    ]


def test_server_times_have_a_column_where_one_is_kept() -> None:
    timed = dataclasses.replace(ROW, server_time="2026-11-20T12:00:00.123456Z", alternatives=())
    assert "server time" not in shown(Section("plc", tables=[Table("press", [ROW])]))
    text = shown(Section("plc", tables=[Table("press", [ROW, timed])]))
    assert "server time" in text
    assert "2026-11-20T12:00:00.123456Z" in text

"""Trouble is said once when it begins and once when it is over."""

from structlog.testing import capture_logs

from edge.buffer.trouble import Trouble


def test_only_the_first_failure_of_a_row_and_its_end_are_said() -> None:
    trouble = Trouble()
    with capture_logs() as logs:
        trouble.ended("commit")
        for message in ("disk full", "disk full", "disk still full"):
            trouble.began("commit", message)
        trouble.began("sweep", "disk full")
        assert trouble.message == "commit: disk still full; sweep: disk full"
        trouble.ended("commit")
        trouble.ended("commit")
        assert trouble.message == "sweep: disk full"
        trouble.ended("sweep")
    assert [(entry["what"], entry["log_level"]) for entry in logs] == [
        ("commit", "error"),
        ("sweep", "error"),
        ("commit", "warning"),
        ("sweep", "warning"),
    ]
    assert trouble.message is None

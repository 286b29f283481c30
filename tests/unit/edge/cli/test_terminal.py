"""What tools print is text: a name of the plant is never taken for a style."""

import pytest
from rich.table import Table

from edge.cli.terminal import wide


def test_a_name_that_looks_like_markup_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("[/press] 🏭", box=None)
    table.add_row("[bold]oven[/]")
    wide(table)
    told = capsys.readouterr().out
    assert "[/press] 🏭" in told
    assert "[bold]oven[/]" in told

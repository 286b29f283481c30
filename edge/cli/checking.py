"""The commands that judge a configuration without connecting to anything: `check`, and `schema` for editors."""

import json
import os
from dataclasses import replace

import msgspec
import typer

from edge import display
from edge.cli.exits import EXIT_CONFIG
from edge.cli.terminal import AsJson, Config, out
from edge.config.mistakes import ConfigMistakes, Mistake
from edge.config.schema import json_schema
from edge.errors import ConfigError
from edge.settings import known_drivers, load, rehearse


def check(config: Config, as_json: AsJson = False) -> None:
    """Check a configuration without connecting to anything; shows every mistake with its line.

    References are looked up, so variables and files that it names must be there.
    """
    try:
        settings = load(config, os.environ)
        rehearse(settings)
    except ConfigError as error:
        if not as_json:
            raise
        mistakes = error.mistakes if isinstance(error, ConfigMistakes) else [Mistake(1, "connections", error.message)]
        found = [replace(mistake, file=mistake.file or str(config)) for mistake in mistakes]
        print(msgspec.json.encode({"ok": False, "file": str(config), "mistakes": found}).decode())  # noqa: T201
        raise typer.Exit(EXIT_CONFIG) from None
    if as_json:
        print(json.dumps({"ok": True, "file": str(config), **display.summary(settings)}))  # noqa: T201
    else:
        out.print(display.overview(settings))


def schema() -> None:
    """Print the JSON Schema of the configuration, for editors.

    With `# yaml-language-server: $schema=edge.schema.json` as a file's first line, most editors complete and check it.
    """
    print(json.dumps(json_schema(known_drivers()), indent=2))  # noqa: T201

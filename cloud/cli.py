"""Owns the command line `tezgah-cloud`: serving the API, its schema, and what operators set up.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 69 the database or the address is not to be had,
78 settings or database schema are wrong, 130 interrupted.
"""

import sys
from datetime import UTC, datetime
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Annotated

import orjson
import typer
from pydantic import ValidationError

from cloud import console, schema, seed, tables
from cloud.errors import BadRequest, SchemaMismatch, SettingsInvalid, Unavailable
from cloud.gateways.cli import gateways
from cloud.identity.cli import organizations, users
from cloud.imports.cli import imports
from cloud.imports.joblog.cli import bring_joblog
from cloud.machines.cli import machines
from cloud.predictions.cli import predictions
from cloud.predictions.imported.cli import bring_history
from cloud.settings import DatabaseSettings, Settings
from cloud.telemetry.cli import retention
from shared.errors import AppError

EXIT_FAILED = 1
EXIT_UNAVAILABLE = 69  # sysexits.h: EX_UNAVAILABLE
EXIT_CONFIG = 78  # sysexits.h: EX_CONFIG
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="tezgah-cloud",
    help="The Tezgah cloud: keeps what gateways read, and shows it.\n\n"
    "With no TEZGAH_DATABASE_URL it brings its own PostgreSQL, kept in TEZGAH_DATA_DIR. To begin:\n\n"
    "tezgah-cloud migrate; tezgah-cloud organization create Acme; "
    "tezgah-cloud user create ayse -o Acme --role admin; SECRET_KEY=$(openssl rand -hex 32) tezgah-cloud serve\n\n"
    "Exit codes: 0 all well, 1 failed, 2 wrong usage, 69 database or address not to be had, 78 settings or schema "
    "wrong, 130 interrupted.",
    epilog="Settings come from the environment and a .env file in the working directory; the guide lists them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
imports.command("joblog")(bring_joblog)
imports.command("history")(bring_history)
for slice_commands in (organizations, users, machines, gateways, retention, imports, predictions):
    app.add_typer(slice_commands)


@app.callback()
def everywhere(
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from.")] = False,
) -> None:
    """Hold what is said before the command; `main` looks for it itself."""


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that serve.")] = 1,
    migrate: Annotated[bool, typer.Option("--migrate", help="Bring the database's schema to head first.")] = False,
    background: Annotated[
        bool, typer.Option(help="Do the work that no request waits for here too; else run `tezgah-cloud work`.")
    ] = True,
) -> None:
    """Serve the API until Ctrl-C or SIGTERM.

    Needs SECRET_KEY (at least 32 characters), and a database whose schema is this version's.
    """
    # imported here, for no other command needs a web server
    from cloud import serving  # noqa: PLC0415

    where = serving.Listening(host, port, workers, background)
    serving.serve(Settings.from_environment(), where, migrate=migrate)


@app.command()
def work() -> None:
    """Do the work that no request waits for, until Ctrl-C or SIGTERM; needs TEZGAH_DATABASE_URL.

    `serve` does it too unless it is told --no-background. Any number may run: one of them works, and another follows
    when it ends.
    """
    from cloud import background  # noqa: PLC0415 - as above

    background.main()


@app.command()
def migrate(
    to: Annotated[str, typer.Option("--to", help="A revision, head, base, or a step such as -1.")] = "head",
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether it is as this version needs it; exit 78 if not.")
    ] = False,
) -> None:
    """Bring the database's schema to this version's, or to another revision."""
    settings = DatabaseSettings.from_environment()
    settings.configure_logs("WARNING")
    with console.server(settings) as url:
        if check:
            schema.check_at(url, tables.metadata())
        else:
            schema.migrate(url, to)
        console.tell(f"The database schema is at revision {schema.revision_at(url) or 'base'}.")


@app.command("seed")
def load_seed(
    file: Annotated[str | None, typer.Argument(help="A JSON document, or - for standard input.")] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=400, help="Instead, make up a plant with so many days of past.")
    ] = None,
    organization: Annotated[str, typer.Option(help="Whose the made-up plant is.")] = "Simulated plant",
    number: Annotated[int, typer.Option("--seed", help="The same number makes up the same past.")] = 1,
    as_json: console.AsJson = False,
) -> None:
    """Load an organization with its users, machines, work orders and gateways; what is there stays.

    With --days a plant is made up instead: 12 machines, 3 shifts, 40 products, 12 operators, their jobs, its stops and
    counts.

    {"organization": "Acme", "users": [{"username", "role", "password"}], "machines": [{"code", "name"}],
    "work_orders": [{"product_code", "lot_no", "qty", "planned_start", "planned_end"}], "gateways": [{"id"}]}
    """
    if (file is None) is (days is None):
        raise typer.BadParameter("give either a document, or --days")
    if file is None:
        _make_up(days or 0, organization, number, as_json=as_json)
        return
    content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    try:
        document = seed.Document.model_validate_json(content)
    except ValidationError as error:
        mistakes = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_input=False)]
        raise BadRequest(f"{file} is not a seed document. {'; '.join(mistakes)}") from None
    loaded = console.transact(lambda session: seed.load(session, document))
    if as_json:
        console.print_json(loaded)
    else:
        counts = ", ".join(f"{len(rows)} {kind}" for kind, rows in loaded.items() if isinstance(rows, list))
        console.tell(f"{document.organization} has its {counts.replace('_', ' ')}.")


def _make_up(days: int, organization: str, number: int, *, as_json: bool) -> None:
    # the figures' and the ingest's libraries, which other commands do without
    from cloud import seed_history  # noqa: PLC0415

    now = datetime.now(UTC)
    plant = console.run(lambda database: seed_history.load(database, organization, days, number, now))
    told = {"organization": organization, "machines": [each.code for each in plant.machines], "days": days}
    if as_json:
        console.print_json(told)
    else:
        console.tell(f"{organization} has {len(plant.machines)} machines and {days} days of their past.")


@app.command()
def openapi(
    check: Annotated[Path | None, typer.Option("--check", help="Compare with this snapshot instead.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it to this file.")] = None,
) -> None:
    """Print the API's description; needs no database.

    With --check it fails when something was removed or narrowed since the snapshot, which clients would
    not survive, or when the snapshot does not show what was added.
    """
    from cloud import app as application  # noqa: PLC0415 - the web framework, which other commands do without
    from cloud import compatibility  # noqa: PLC0415

    document = application.specification()
    if check is not None:
        compatibility.require(orjson.loads(check.read_bytes()), document, check)
        console.tell(f"The API is the one {check} shows.")
        return
    content = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"
    if output is not None:
        output.write_bytes(content)
    else:
        sys.stdout.buffer.write(content)


@app.command()
def version() -> None:
    """Print the version, and the schema revision it needs."""
    sys.stdout.write(f"tezgah {version_of('tezgah')} (schema {schema.head()})\n")


def main() -> None:
    """Run the command line; an error is one sentence, and a trace only with --debug."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except (AppError, OSError) as error:
        if "--debug" in sys.argv[1:]:
            raise
        console.tell_error(str(error))
        sys.exit(_exit_code(error))


def _exit_code(error: Exception) -> int:
    match error:
        case SettingsInvalid() | SchemaMismatch():
            return EXIT_CONFIG
        case Unavailable():
            return EXIT_UNAVAILABLE
        case _:
            return EXIT_FAILED

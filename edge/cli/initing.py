"""The command `init`: asks what a first configuration needs, and writes one that `check` takes."""

import os
import re
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer
from pydantic import ValidationError

from edge.cli.terminal import err, out
from edge.config.options import CloudOptions, GatewayOptions
from edge.drafting import address, first, keep
from edge.drafting.first import Answers
from edge.errors import ConfigError

# where Debian and most others say which zone the machine is in
_LOCALTIME = Path("/etc/localtime")
_TOKEN = "TEZGAH_INIT_TOKEN"  # noqa: S105 - a name


def init(
    file: Annotated[Path, typer.Argument(help="The file to write.", metavar="FILE")] = Path("edge.yaml"),
    gateway: Annotated[str | None, typer.Option(help="gateway.id: the name the token was made for.")] = None,
    site: Annotated[str | None, typer.Option(help="Where the gateway stands.")] = None,
    timezone: Annotated[str | None, typer.Option(help="IANA name, such as Europe/Istanbul.")] = None,
    cloud: Annotated[str | None, typer.Option(help="The cloud's address, such as https://cloud.example.com.")] = None,
    token_file: Annotated[str | None, typer.Option(help="The file that holds the token, relative to FILE.")] = None,
    token_env: Annotated[str | None, typer.Option(help="The variable of the environment that holds it.")] = None,
    connection: Annotated[str | None, typer.Option(help=f"The first connection: {address.FORMS}; - for none.")] = None,
    name: Annotated[str | None, typer.Option(help="The connection's name.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
) -> None:
    """Write a first configuration, with comments; asks for what no option says, if there is a terminal to ask at."""
    if file.exists() and not force:
        raise keep.NotWritten(
            f"{file} is there already; nothing is asked and nothing is written. Say --force to replace it"
        )
    asks = sys.stdin.isatty()
    gateway = _ask("Name of this gateway (gateway.id)", gateway, _hostname(), _is_gateway("id"), asks=asks)
    site = _ask("Site", site, "", asks=asks)
    timezone = _ask("Time zone", timezone, _zone(), _is_gateway("timezone"), asks=asks)
    cloud = _ask("Address of the cloud", cloud, None, _is_cloud, asks=asks, option="--cloud")
    if token_file is None and token_env is None:
        token_file = _ask("File that holds the token", None, "edge-token", asks=asks)
    url = _ask(f"First connection, {address.FORMS}; - for none", connection, "-", _is_connection, asks=asks)
    answers = Answers(
        gateway,
        site,
        timezone,
        cloud,
        first.reference(token_file, token_env),
        _connection(url, name, gateway, asks=asks),
    )
    text = first.text(answers)
    # the token may not be there yet: what is judged here is everything else
    judged = text.replace(f"  token: {answers.token}", f"  token: ${{env:{_TOKEN}}}")
    keep.checked(judged, _directory(file), {_TOKEN: "not-yet"})
    keep.write(text, file, force=force)
    out.print(f"{file} is written. Next:")
    _next(file, answers, token_file, token_env)


def _ask(
    words: str,
    given: str | None,
    default: str | None,
    judge: Callable[[str], object] = str,
    *,
    asks: bool,
    option: str = "",
) -> str:
    """Return what an option said, or what is answered; an answer that `judge` refuses is asked for again."""
    if given is not None:
        return given.strip()
    if not asks:
        if default is None:
            raise typer.BadParameter(f"there is no terminal to ask at, so {option} is needed")
        return default
    while True:
        answer = str(typer.prompt(words, default=default, show_default=bool(default), err=True)).strip()
        try:
            judge(answer)
        except ValidationError as error:
            err.print(f"  {error.errors()[0]['msg'].removeprefix('Value error, ')}", style="yellow", markup=False)
        except ConfigError as error:
            err.print(f"  {error.message}", style="yellow", markup=False)
        else:
            return answer


def _is_gateway(key: str) -> Callable[[str], object]:
    return lambda answer: GatewayOptions.model_validate({"id": "gateway", key: answer or None})


def _is_cloud(answer: str) -> object:
    return CloudOptions.model_validate({"url": answer, "token": "not-yet"})


def _is_connection(answer: str) -> object:
    return None if answer in {"", "-"} else address.connection(answer, "gateway")


def _connection(url: str, name: str | None, gateway: str, *, asks: bool) -> tuple[str, dict[str, object]] | None:
    if url in {"", "-"}:
        return None
    usual, options = address.connection(url, gateway)
    return _ask("Its name", name, usual, asks=asks), options


def _directory(file: Path) -> Path:
    directory = file.absolute().parent
    if not directory.is_dir():
        raise ConfigError(f"there is no directory {directory}; make it first")
    return directory


def _hostname() -> str:
    return re.sub(r"[^\w.-]", "-", socket.gethostname()) or "gateway-1"


def _zone() -> str:
    """Return the machine's time zone, empty if it does not say."""
    told = os.environ.get("TZ", "")
    linked = str(_LOCALTIME.resolve()).partition("/zoneinfo/")[2] if _LOCALTIME.exists() else ""
    return told or linked.removeprefix("Etc/")


def _next(file: Path, answers: Answers, token_file: str | None, token_env: str | None) -> None:
    steps, named = [], quote(str(file))
    if token_file is not None and not (file.absolute().parent / token_file).exists():
        printed = f"`tezgah-cloud gateway enrol {answers.gateway} ..` prints it, and {token_file} gets the token"
        steps.append(f"tezgah-edge enrol {named} CODE   {printed}")
    elif token_env is not None and token_env not in os.environ:
        steps.append(f"set {token_env} to the token (`tezgah-cloud gateway create {answers.gateway} ..`)")
    if answers.connection is not None:
        connection = quote(answers.connection[0])
        steps.append(f"tezgah-edge browse {named} {connection}   shows what there is to read; fill in `devices`")
    else:
        steps.append("fill in `connections` and `devices`")
    steps += [f"tezgah-edge {command} {named}" for command in ("check", "doctor", "run")]
    for number, step in enumerate(steps, 1):
        out.print(f"  {number}. {step}")

"""Every page is true in what can be looked up: its links, commands, and the API's paths with their parameters."""

import importlib
import json
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import typer

from cloud.app import QUEUES
from edge.settings import load
from shared.reading import ClosedBy, Flag, GapCause, ReadingType
from simulators.machine import Protocol
from simulators.modbus import layout
from simulators.plant import plant

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
# a decision, and a line of the changelog, tell of the day on which they were written
GUIDES = [page for page in PAGES if page.parent.name != "decisions" and page.name != "CHANGELOG.md"]
API: Mapping[str, Any] = json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8"))
PATHS: Mapping[str, Mapping[str, Any]] = API["paths"]
METHODS = ("get", "post", "put", "patch", "delete")
FENCE = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
SCRIPTS_OF_THE_PROJECT: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
    "scripts"
]
SCRIPTS = tuple(SCRIPTS_OF_THE_PROJECT)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose_of(page: Path) -> str:
    return FENCE.sub("", text_of(page))


def lines_of(page: Path) -> Iterator[str]:
    """The lines of a page's shell blocks, those that go on in the next one joined."""
    for kind, block in FENCE.findall(text_of(page)):
        if kind in ("sh", "bash"):
            joined = re.sub(r"\\\n\s*", " ", re.sub(r"(^|\s)#.*$", "", block, flags=re.MULTILINE))
            # a quoted text may go on in the next line
            yield from re.sub(r"('[^']*')", lambda text: text[1].replace("\n", " "), joined).splitlines()


def anchors_of(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.*)$", prose_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose_of(page)):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert not anchor or anchor in anchors_of(there), target


FOLDERS = "|".join(path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith("."))


@pytest.mark.parametrize("page", GUIDES, ids=name_of)
def test_every_file_that_is_named_exists(page: Path) -> None:
    named = set(re.findall(rf"(?<![\w/.-])(?:{FOLDERS})/[\w./-]*\w", text_of(page)))
    assert [name for name in named if not (ROOT / name).exists()] == []


# --- commands -----------------------------------------------------------------------------------------------------


def command_in(line: str) -> list[str] | None:
    """The command of ours in a line, as words, without what a shell does around it; None if there is none."""
    words = shlex.split(re.split(r" [|>]|;", re.sub(r"=\$\([^)]*\)", "=", line))[0], comments=True)
    begins = [place for place, word in enumerate(words) if Path(word).name in SCRIPTS]
    # elsewhere in a line it is the name of a container, of a user or of a unit
    if not begins or not all("=" in word or word in ("sudo", "-iu", "tezgah-cloud") for word in words[: begins[-1]]):
        return None
    return [Path(words[begins[-1]]).name, *words[begins[-1] + 1 :]]


@pytest.mark.parametrize("page", GUIDES, ids=name_of)
def test_every_command_is_one_that_its_command_line_takes(
    page: Path, parsed: Callable[[Sequence[str]], dict[str, Any]]
) -> None:
    for line in lines_of(page):
        command = command_in(line) if any(script in line for script in SCRIPTS) else None
        if command is not None:
            parsed(command)
    for code in CODE.findall(prose_of(page)):
        if not code.startswith(tuple(f"{script} " for script in SCRIPTS)):
            continue
        words = [word for word in shlex.split(re.split(r" [|>]|;", code)[0]) if word not in ("..", "...")]
        try:
            parsed(words)
        except typer.BadParameter as error:
            # in a sentence a command is named, and not written out
            assert type(error).__name__ == "MissingParameter", code  # noqa: PT017 - typer does not give the class out
        except typer.Exit:
            assert "--help" in words


def commands_of(command: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command below one, with the words that lead to it."""
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands_of(inner, *path, name)


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_command_and_every_variable_that_it_takes_is_in_a_guide(script: str) -> None:
    module, main = SCRIPTS_OF_THE_PROJECT[script].split(":")
    home = importlib.import_module(getattr(importlib.import_module(module), main).__module__)
    guides = "".join(map(text_of, GUIDES))
    for path, command in commands_of(typer.main.get_command(home.app), script):
        if not hasattr(command, "commands"):
            # a table of a group's commands leaves out the script
            assert " ".join(path) in guides or f"`{' '.join(path[1:])}" in guides, " ".join(path)
        for option in command.params:
            assert not getattr(option, "envvar", None) or option.envvar in guides, option.envvar


# --- paths of the API ---------------------------------------------------------------------------------------------


def operations(path: str) -> Mapping[str, Any] | None:
    """What the API has at a path, of which parts may be filled in or called otherwise; None if nothing."""
    bare = re.sub(r"^/api/v1(?=/)", "", path).rstrip("/")
    for known, found in PATHS.items():
        pattern = re.sub(r"\\\{\w+\\\}", r"[^/]+", re.escape(known.rstrip("/")))
        if re.fullmatch(pattern, bare):
            return found
    return None


def check(path: str, method: str | None, query: str | None) -> None:
    """Hold a path against the API: it is there, has that method, knows these parameters and needs no others."""
    found = operations(path)
    assert found is not None, path
    assert method is None or method in found, f"{method} {path}"
    if query is None:
        return
    told = {part.split("=")[0] for part in query.split("&")}
    asked = found[method or "get"].get("parameters", [])
    known = {each["name"]: each.get("required", False) for each in asked if each["in"] == "query"}
    assert told <= known.keys(), f"{path}?{query}"
    assert {name for name, is_needed in known.items() if is_needed} <= told, f"{path}?{query}"


def check_body(path: str, method: str, request: str) -> None:
    """Hold the body of a request that is shown, a shell's variables filled in, against what the API takes there."""
    sent = re.search(r"""-d (?:'([^']*)'|"((?:[^"\\]|\\.)*)")""", request)
    if sent is None:
        return
    text = sent[1] or sent[2].replace('\\"', '"')
    found = operations(path)
    assert found is not None
    wanted = found[method]["requestBody"]["content"]["application/json"]["schema"]
    schema = {**wanted, "components": API["components"]}
    jsonschema_rs.validator_for(schema).validate(json.loads(re.sub(r"\$\w+", "1", text)))


OTHERS = re.compile(r"/(api-docs|openapi\.json|api/v1|health|health/\*|metrics|faults|opt/.*|var/.*|dev/.*|min)")


@pytest.mark.parametrize("page", GUIDES, ids=name_of)
def test_every_path_that_is_named_is_one_of_the_api(page: Path) -> None:
    for code in CODE.findall(prose_of(page)):
        found = re.fullmatch(r"(?:(GET|POST|PUT|PATCH|DELETE) )?(/[a-z][\w/{}.*-]*)(?:\?(\S+))?", code)
        if found is None or OTHERS.fullmatch(found[2]):
            continue
        check(found[2], found[1] and found[1].lower(), found[3])


@pytest.mark.parametrize("page", GUIDES, ids=name_of)
def test_every_request_that_is_shown_is_one_that_the_api_takes(page: Path) -> None:
    names: dict[str, str] = {}
    for line in lines_of(page):
        names |= dict(re.findall(r"\b([A-Z]+)=(http[^\s;]+)", line))
        for request in re.findall(r"curl .*?(?=\||$|\)\")", line):
            url = re.search(r"(?:https?://[\w.:-]+|\$(\w+))(/[^\s\"']*)", request)
            assert url is not None, request
            base = re.sub(r"https?://[^/]+", "", names.get(url[1] or "", ""))
            path, _, query = f"{base}{url[2]}".partition("?")
            said = re.search(r"-X (\w+)", request)
            has_body = re.search(r" (-d|-F) ", request) and " -G " not in request
            method = said[1].lower() if said else "post" if has_body else "get"
            if not OTHERS.fullmatch(path):
                check(re.sub(r"\$\w+", "1", path), method, query or None)
                check_body(re.sub(r"\$\w+", "1", path), method, request)


def test_the_first_plc_of_the_readme_is_one_that_loads_and_that_the_simulators_have(tmp_path: Path) -> None:
    (block,) = (block for kind, block in FENCE.findall(text_of(ROOT / "README.md")) if kind == "yaml")
    (tmp_path / "edge.yaml").write_text(
        "version: 1\ngateway: {id: hall-2}\ncloud: {url: 'https://cloud', token: '${env:TOKEN}'}\n"
        f"buffer: {{path: buffer.db}}\nconnections: {{plc-1: {{modbus: tcp, host: h}}}}\n{block}",
        encoding="utf-8",
    )
    (line,) = load(tmp_path / "edge.yaml", {"TOKEN": "t"}).connections
    (machine, *_) = (each for each in plant() if each.protocol is Protocol.MODBUS)
    places = {place.signal.name: place for place in layout(machine)}
    for point in line.points:
        place = places[point.name]
        told = point.options.model_dump()
        assert told["at"] == f"holding {place.address}"
        assert (told["type"], told["means"]) == (place.type, place.signal.reading_type)
        assert point.device_options.machine == machine.code


# --- indices ------------------------------------------------------------------------------------------------------


def test_every_word_and_bit_of_the_wire_is_on_its_page() -> None:
    page = re.sub(r"\s+", " ", text_of(ROOT / "docs" / "wire.md"))
    told = page[page.index("**flags**") : page.index("### 2.1")]
    assert dict(re.findall(r"(\d+) ([a-z_]+_[a-z_]+|retained|overflow)\b", told)) == {
        str(flag.value): str(flag.name).lower() for flag in Flag
    }
    words = {*GapCause, *ClosedBy, *ReadingType}
    assert {word for word in words if f"`{word.value}`" not in page} == set()


def test_every_queue_that_waits_is_in_the_guide() -> None:
    guide = text_of(ROOT / "docs" / "cloud.md")
    (row,) = re.findall(r"^\| `tezgah_background_waiting` .*$", guide, re.MULTILINE)
    assert set(CODE.findall(row)) == {"tezgah_background_waiting", "queue", *QUEUES}

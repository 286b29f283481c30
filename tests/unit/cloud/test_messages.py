"""Every sentence of the service in both languages, and every place that raises one."""

import ast
import importlib
import string
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from cloud import errors, messages, problem, validation
from cloud.languages import Language, Message

ROOT = Path(__file__).parents[3]
MODULES = sorted(path for path in (ROOT / "cloud").rglob("*.py"))
# what only an operator's terminal and the log ever show, as all that `imports` says
TERMINAL = {"background", "cli", "compatibility", "console", "postgres", "schema", "seed", "serving", "settings", "app"}
TERMINAL |= {"exports", "retention", "seed_history", "seed_orders", "table", "tomlfile"}
# give the words of the slice that stands on them
BORROWED = "self._words."
# members of every problem: a fact of this name would be lost
RESERVED = {"type", "title", "status", "detail", "instance", "error_code", "request_id", "timestamp", "code"}


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def everything() -> Iterator[tuple[str, Message]]:
    for path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if path.name == "languages.py" or not any(
            isinstance(node, ast.Name) and node.id == "Message" for node in ast.walk(tree)
        ):
            continue
        module = importlib.import_module(module_of(path))
        for name, value in vars(module).items():
            yield from found_in(f"{module_of(path)}.{name}", value)


def found_in(name: str, value: object) -> Iterator[tuple[str, Message]]:
    match value:
        case Message():
            yield name, value
            if value.title is not None:
                yield f"{name}.title", value.title
        case Mapping():
            for key, inner in value.items():
                yield from found_in(f"{name}[{key}]", inner)
        case type() if issubclass(value, errors.CloudError):
            yield f"{name}.title", value.title


EVERYTHING = dict(everything())


def names_in(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_there_is_something_to_look_at():
    assert len(EVERYTHING) > 100


@pytest.mark.parametrize("name", EVERYTHING)
def test_a_sentence_is_whole_in_both_languages_and_names_the_same_facts(name):
    message = EVERYTHING[name]
    assert message.en.strip()
    assert message.tr.strip()
    assert message.tr != message.en or not names_in(message.en) ^ names_in(message.tr)
    assert names_in(message.en) == names_in(message.tr)
    assert not names_in(message.en) & RESERVED
    # a sentence ends as one in both, or in neither
    assert message.en.endswith(".") == message.tr.endswith(".")


def test_a_turkish_sentence_is_not_the_english_one():
    same = {name for name, message in EVERYTHING.items() if message.en == message.tr and " " in message.en}
    assert not same


def classes() -> dict[str, type[errors.CloudError]]:
    def below(kind: type[errors.CloudError]) -> Iterator[type[errors.CloudError]]:
        yield kind
        for each in kind.__subclasses__():
            yield from below(each)

    for path in MODULES:
        if path.stem != "__main__":
            importlib.import_module(module_of(path))
    return {kind.__name__: kind for kind in below(errors.CloudError)}


def raises() -> Iterator[tuple[str, ast.Call]]:
    kinds = set(classes())
    for path in MODULES:
        if path.stem in TERMINAL or {"imports", "imported"} & set(path.parts):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in kinds | {"mistake"}:
                yield f"{module_of(path)}:{node.lineno}", node


RAISES = dict(raises())
# take what is given to them, and the sentence is looked at where it is given
PASSED_ON = {"_FrameworkRefused", "FieldsInvalid"}


@pytest.mark.parametrize("place", RAISES)
def test_whoever_raises_states_the_facts_of_a_sentence_in_both_languages(place):
    call = RAISES[place]
    if ast.unparse(call.func) in PASSED_ON:
        return
    given = ast.unparse(call.args[0]) if call.args else ""
    module, _, _ = place.partition(":")
    if given.startswith(BORROWED):
        return
    if given == "f'{validation.sentence(fields)}.'":
        return  # made of sentences in the caller's language
    assert "messages." in given or given.lstrip("_").isupper(), f"{place}: {given} is not a Message of a catalogue"
    if "(" in given or "[" in given:
        return  # chosen at run time; the catalogue's own test holds its languages
    home = importlib.import_module(module)
    message = eval(given, vars(home))
    assert isinstance(message, Message), place
    facts = {keyword.arg for keyword in call.keywords}
    assert None in facts or names_in(message.en) <= facts, f"{place}: {names_in(message.en) - facts} is not stated"


@pytest.mark.parametrize("path", [p for p in MODULES if p.stem in {"schemas", "values"}], ids=module_of)
def test_a_validator_never_speaks_english_only(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    raised = [ast.unparse(node.exc) for node in ast.walk(tree) if isinstance(node, ast.Raise) and node.exc]
    assert not [words for words in raised if words.startswith(("ValueError", "AssertionError"))]


def test_every_class_of_error_has_a_title_of_its_own_language():
    for name, kind in classes().items():
        assert kind.title.said(Language.TURKISH) != kind.title.said(Language.ENGLISH), name


def test_what_the_framework_refuses_is_said_in_both_languages():
    for status in (400, 404, 405, 418):
        said = messages.of_status(status)
        assert said.title is not None
        assert said.en != said.tr
    assert problem.MEDIA_TYPE
    assert validation.SENTENCES

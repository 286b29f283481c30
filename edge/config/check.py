"""Pydantic's findings about a part of the configuration, said in the author's words and at the author's lines."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from edge.config.anatomy import keys_at, secrets_in, types_at
from edge.config.document import Document
from edge.config.mistakes import Loc
from edge.config.spelling import nearest, one_of
from edge.units import like

_Model = TypeVar("_Model", bound=BaseModel)
# a value quoted in a message explains itself in this many characters or not at all
_SHOWN = 60
_EXPECTED = "expected "
# the patterns of edge.drivers.spec, in words
_FORMS = {
    r"^[^\x00-\x1f\x7f]+$": "text without control characters",
    r"^[^\x00-\x1f\x7f]*$": "text without control characters",
    r"^\d+(\.\d+)?\s*%$": "a percentage such as 0.5%",
}


def validate(
    model: type[_Model],
    raw: object,
    document: Document,
    origin: Callable[[Loc], Loc],
    *,
    is_partial: bool = False,
    also: Collection[str] = (),
) -> _Model | None:
    """Build `model` from `raw`, or note every mistake and return None.

    Args:
        model: What is expected.
        raw: What the file says.
        document: Where mistakes are noted.
        origin: Turns a location within `raw` into one in the document.
        is_partial: `raw` is a template, which need not have every key; the result is not to be used.
        also: Keys that the author may have meant at the top of `raw`, beside the model's.
    """
    if isinstance(raw, Mapping):
        _refuse_inline_secrets(model, raw, document, origin)
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        findings = [
            _Finding(model, detail, document.known(origin(detail["loc"])), document, also)
            for detail in error.errors(include_url=False)
            if not (is_partial and detail["type"] == "missing" and len(detail["loc"]) == 1)
        ]
        _note(document, findings)
        return None


def _refuse_inline_secrets(
    model: type[BaseModel], raw: Mapping[str, object], document: Document, origin: Callable[[Loc], Loc]
) -> None:
    for inner in secrets_in(model, raw):
        loc = document.known(origin(inner))
        if loc not in document.whole | document.dead:
            document.mistake(loc, "a secret does not belong in this file; write ${file:PATH} or ${env:NAME}")


@dataclass(frozen=True, slots=True)
class _Finding:
    """One complaint of pydantic's, and the place of the file that it is about."""

    model: type[BaseModel]
    detail: ErrorDetails
    place: Loc
    document: Document
    also: Collection[str]

    def sentence(self) -> str:
        """Say what is wrong; begins with `expected` where another value would be right."""
        loc, context = self.detail["loc"], self.detail.get("ctx", {})
        sentence = ""
        match self.detail["type"]:
            case "extra_forbidden":
                keys = keys_at(self.model, loc[:-1]).union(self.also if len(loc) == 1 else ())
                sentence = f"unknown key; {self._elsewhere() or one_of(str(loc[-1]), keys)}"
            case "missing":
                sentence = f'the key "{loc[-1]}" is missing'
            case "value_error" | "assertion_error":
                sentence = str(context["error"])
            case "literal_error" | "enum":
                sentence = f"{_EXPECTED}{context['expected']}"
            case "model_type" | "dict_type" | "model_attributes_type":
                sentence = f"{_EXPECTED}keys and values"
            case "string_pattern_mismatch":
                pattern = context["pattern"]
                sentence = f"{_EXPECTED}{_FORMS.get(pattern, f'text of the form {pattern}')}"
            case "too_short" | "string_too_short" if context.get("min_length") == 1:
                sentence = f"{_EXPECTED}something that is not empty"
            case "greater_than_equal" | "less_than_equal" if limit := like(self.detail["input"], _limit(context)):
                sentence = f"{_EXPECTED}{'at least' if 'ge' in context else 'at most'} {limit}"
            case _:
                sentence = _plain(self.detail["msg"])
        return sentence

    def follows_from(self, dead: Collection[Loc]) -> bool:
        """Return whether a reference that leads nowhere, which is told already, is all there is to it."""
        is_of_several = self.detail["type"] in {"value_error", "assertion_error"}
        return self.place in dead or (is_of_several and any(loc[:-1] == self.place for loc in dead))

    def _elsewhere(self) -> str:
        """Say that a key of a device's entry, which no device has, is one of its tags'."""
        loc = self.detail["loc"]
        key = str(loc[-1])
        is_tags = len(loc) == 1 and key in keys_at(self.model, ("tags", "any"))
        if not is_tags or nearest(key, keys_at(self.model, ())) is not None:
            return ""
        return f"`{key}` belongs to a tag: write it into each, or once into a template's"

    def got(self) -> str:
        """Say what was found instead, unless it is long, secret, or stands behind a reference."""
        value: Any = self.detail["input"]
        if self.place in self.document.references:
            return f", got {' '.join(reference for reference, _ in self.document.references[self.place])}"
        if any(kind is SecretStr for kind in types_at(self.model, self.detail["loc"])):
            return ""
        if not isinstance(value, str | int | float) or len(str(value)) > _SHOWN:
            return ""
        words = self.detail.get("ctx", {}).get("expected", "").replace(" or ", ",").split(",")
        meant = nearest(value, [word.strip(" '") for word in words]) if isinstance(value, str) else None
        return f", got {value!r}" + (f'; did you mean "{meant}"?' if meant else "")


def _note(document: Document, findings: Collection[_Finding]) -> None:
    """Note each place's findings; the branches of a union complain one by one, and are joined."""
    by_place: dict[Loc, list[_Finding]] = defaultdict(list)
    for finding in findings:
        if not finding.follows_from(document.dead):
            by_place[finding.place].append(finding)
    for place, complaints in by_place.items():
        sentences = {complaint.sentence(): complaint.got() for complaint in complaints}
        choices = [sentence.removeprefix(_EXPECTED) for sentence in sentences if sentence.startswith(_EXPECTED)]
        if choices:
            got = max((sentences[_EXPECTED + choice] for choice in choices), key=len)
            document.mistake(place, f"{_EXPECTED}{', or '.join(choices)}{got}")
        for sentence in sentences:
            if not sentence.startswith(_EXPECTED):
                document.mistake(place, sentence)


def _limit(context: Mapping[str, Any]) -> float:
    return float(context["ge"] if "ge" in context else context["le"])


def _plain(message: str) -> str:
    """Turn `Input should be a valid integer, unable to ..` into `expected a valid integer`."""
    _, _, tail = message.partition(" should ")
    return f"{_EXPECTED}{tail.removeprefix('be ').removeprefix('have ').split(', unable')[0]}" if tail else message

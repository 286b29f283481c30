"""What is said of a field that is not right."""

import typing
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

import pytest
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core.core_schema import ErrorType

from cloud.languages import Language, Message
from cloud.validation import SENTENCES, field_error, mistake, sentence
from cloud.values import Label, Moment

# what no value from JSON, a path or a query can bring about
NEVER = {
    "no_such_attribute", "needs_python_object", "frozen_field", "frozen_instance", "get_attribute_error",
    "default_factory_not_called", "missing_sentinel_error", "ellipsis_error", "is_instance_of", "is_subclass_of",
    "callable_type",
}  # fmt: skip


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"
    GREEN = "green"


class Thing(BaseModel):
    model_config = ConfigDict(extra="forbid")
    colour: Colour = Colour.RED
    kind: Literal["a", "b"] = "a"
    size: Annotated[float, Field(gt=0, le=0.5)] = 0.5
    count: Annotated[int, Field(ge=1)] = 1
    name: Label = "x"
    at: Moment | None = None
    when: AwareDatetime | None = None
    day: date | None = None
    id: UUID | None = None
    tags: list[str] = Field(default=[], max_length=1)
    truth: bool = True


def said(language: Language, **given: object) -> dict:
    with pytest.raises(ValidationError) as caught:
        Thing.model_validate(given)
    (found,) = caught.value.errors()
    return field_error(found, language)


def test_every_kind_of_mistake_that_pydantic_knows_has_a_sentence():
    assert set(typing.get_args(ErrorType)) == SENTENCES.keys() | NEVER
    assert not SENTENCES.keys() & NEVER


@pytest.mark.parametrize(
    ("given", "english", "turkish"),
    [
        ({"colour": "x"}, "it must be red, blue or green, not 'x'", "red, blue veya green olmalı; 'x' geçersiz"),
        ({"kind": "c"}, "it must be a or b, not 'c'", "a veya b olmalı; 'c' geçersiz"),
        ({"size": 0}, "it must be greater than 0", "0 değerinden büyük olmalı"),
        ({"size": 1}, "it must be at most 0.5", "en çok 0,5 olmalı"),
        ({"count": 0}, "it must be at least 1", "en az 1 olmalı"),
        ({"count": "x"}, "it must be a whole number", "tam sayı olmalı"),
        ({"name": ""}, "it must have at least 1 character(s)", "en az 1 karakter olmalı"),
        (
            {"name": "a\x00"},
            "the character U+0000 at 1 is not allowed",
            "1. konumdaki U+0000 karakterine izin verilmiyor",
        ),
        (
            {"at": "1999-01-01T00:00:00Z"},
            "the year 1999 is not between 2000 and 2099",
            "1999 yılı 2000 ile 2099 arasında değil",
        ),
        (
            {"when": "2026-01-01T00:00:00"},
            "it must be a time with an offset such as 2026-03-02T19:00:00Z",
            "2026-03-02T19:00:00Z gibi, saat dilimi farkı belirtilmiş bir zaman olmalı",
        ),
        ({"id": "x"}, "it must be a UUID", "bir UUID olmalı"),
        ({"tags": ["a", "b"]}, "it must have at most 1 item(s)", "en çok 1 öğe içermeli"),
        ({"truth": "x"}, "it must be true or false", "true ya da false olmalı"),
        ({"nope": 1}, "it is not a known field", "böyle bir alan yok"),
    ],
    ids=str,
)  # fmt: skip
def test_a_mistake_is_said_in_the_callers_language(given, english, turkish):
    assert said(Language.ENGLISH, **given)["msg"] == english
    assert said(Language.TURKISH, **given)["msg"] == turkish


def test_a_word_of_a_closed_set_is_answered_with_the_set():
    assert said(Language.TURKISH, colour="pink")["valid_values"] == ["red", "blue", "green"]
    # a lone surrogate or a novel is no reason to say it back
    assert len(said(Language.ENGLISH, colour="\ud800" * 1000)["msg"]) < 120


def test_a_mistake_of_our_own_has_a_type_for_programs():
    found = mistake(Message("{a} {b}", "{b} {a}", code="TOO_STRANGE"), a="{", b=1)
    assert (found.type, found.message()) == ("too_strange", "( 1")


def test_only_the_first_mistakes_are_in_the_sentence():
    fields = [{"loc": ["body", index], "msg": "no"} for index in range(9)]
    assert sentence(fields) == "; ".join(f"body.{index}: no" for index in range(5))

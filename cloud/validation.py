"""Owns what is said of a single field that is not right, by pydantic's type of the mistake.

`mistake` makes one of our own, for validators: a `ValueError` there would be English for everybody.
"""

import re
from collections.abc import Mapping
from typing import Any

from pydantic_core import PydanticCustomError

from cloud.languages import Language, Message

_QUOTED = re.compile(r"'([^']*)'")
# pydantic's types of a closed set, whose members it gives as a sentence only: "'a', 'b' or 'c'"
_CLOSED_SETS = frozenset({"enum", "literal_error"})

_TEXT = Message("it must be a text", "metin olmalı")
_WHOLE = Message("it must be a whole number", "tam sayı olmalı")
_NUMBER = Message("it must be a number", "sayı olmalı")
_TRUTH = Message("it must be true or false", "true ya da false olmalı")
_OBJECT = Message("it must be an object", "bir nesne olmalı")
_LIST = Message("it must be a list", "bir liste olmalı")
_DATE = Message("it must be a date such as 2026-03-02", "2026-03-02 gibi bir tarih olmalı")
_TIME = Message("it must be a time of day such as 14:30:00", "14:30:00 gibi bir saat olmalı")
_MOMENT = Message(
    "it must be a time with an offset such as 2026-03-02T19:00:00Z",
    "2026-03-02T19:00:00Z gibi, saat dilimi farkı belirtilmiş bir zaman olmalı",
)
_SPAN = Message("it must be a duration such as PT1H30M", "PT1H30M gibi bir süre olmalı")
_UUID = Message("it must be a UUID", "bir UUID olmalı")
_URL = Message("it must be a URL", "bir URL olmalı")
_DECIMAL = Message("it must be a decimal number", "ondalık sayı olmalı")
_BYTES = Message("it must be bytes, written as a text", "metin olarak yazılmış bayt dizisi olmalı")
_MISSING = Message("it is required", "zorunlu")
_UNKNOWN = Message("it is not a known field", "böyle bir alan yok")
_OTHER = Message("the value is not valid", "değer geçersiz")
_ONE_OF = Message("it must be {valid_values}, not {given}", "{valid_values} olmalı; {given} geçersiz")
# longer ones are nobody's slip of the pen
_SHOWN = 60

SENTENCES: Mapping[str, Message] = {
    "missing": _MISSING,
    "missing_argument": _MISSING,
    "missing_keyword_only_argument": _MISSING,
    "missing_positional_only_argument": _MISSING,
    "extra_forbidden": _UNKNOWN,
    "unexpected_keyword_argument": _UNKNOWN,
    "unexpected_positional_argument": _UNKNOWN,
    "multiple_argument_values": Message("it is given more than once", "birden çok kez verilmiş"),
    "json_invalid": Message("it is not valid JSON: {error}", "geçerli bir JSON değil: {error}"),
    "json_type": _TEXT,
    "recursion_loop": Message("it contains itself", "kendi kendini içeriyor"),
    "recursion_depth_exceeded": Message("it is nested too deeply", "çok derin iç içe"),
    "invalid_key": Message("its keys must be texts", "anahtarları metin olmalı"),
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "dataclass_type": _OBJECT,
    "dataclass_exact_type": _OBJECT,
    "dict_type": _OBJECT,
    "frozen_dict_type": _OBJECT,
    "ordered_dict_type": _OBJECT,
    "counter_type": _OBJECT,
    "mapping_type": _OBJECT,
    "arguments_type": _OBJECT,
    "named_tuple_type": _LIST,
    "iterable_type": _LIST,
    "iteration_error": _LIST,
    "list_type": _LIST,
    "deque_type": _LIST,
    "tuple_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "set_item_not_hashable": Message("its items must be plain values", "öğeleri yalın değerler olmalı"),
    "none_required": Message("it must be null", "null olmalı"),
    "greater_than": Message("it must be greater than {gt}", "{gt} değerinden büyük olmalı"),
    "greater_than_equal": Message("it must be at least {ge}", "en az {ge} olmalı"),
    "less_than": Message("it must be less than {lt}", "{lt} değerinden küçük olmalı"),
    "less_than_equal": Message("it must be at most {le}", "en çok {le} olmalı"),
    "multiple_of": Message("it must be a multiple of {multiple_of}", "{multiple_of} değerinin katı olmalı"),
    "finite_number": Message("it must be a finite number", "sonlu bir sayı olmalı"),
    "too_short": Message("it must have at least {min_length} item(s)", "en az {min_length} öğe içermeli"),
    "too_long": Message("it must have at most {max_length} item(s)", "en çok {max_length} öğe içermeli"),
    "string_type": _TEXT,
    "string_unicode": _TEXT,
    "string_too_short": Message(
        "it must have at least {min_length} character(s)", "en az {min_length} karakter olmalı"
    ),
    "string_too_long": Message("it must have at most {max_length} character(s)", "en çok {max_length} karakter olmalı"),
    "string_pattern_mismatch": Message("it must match {pattern}", "{pattern} desenine uymalı"),
    "string_not_ascii": Message("it must be plain ASCII", "yalnızca ASCII karakterler içermeli"),
    "enum": _ONE_OF,
    "literal_error": _ONE_OF,
    "bool_type": _TRUTH,
    "bool_parsing": _TRUTH,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": Message("the number is too large", "sayı çok büyük"),
    "int_from_float": Message("it must be a whole number, without a fraction", "küsuratsız, tam sayı olmalı"),
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "complex_type": _NUMBER,
    "complex_str_parsing": _NUMBER,
    "fraction_type": _NUMBER,
    "fraction_parsing": _NUMBER,
    "decimal_type": _DECIMAL,
    "decimal_parsing": _DECIMAL,
    "decimal_max_digits": Message("it may have {max_digits} digits at most", "en çok {max_digits} basamaklı olabilir"),
    "decimal_max_places": Message(
        "it may have {decimal_places} decimal places at most",
        "virgülden sonra en çok {decimal_places} basamak olabilir",
    ),
    "decimal_whole_digits": Message(
        "it may have {whole_digits} digits before the point at most",
        "virgülden önce en çok {whole_digits} basamak olabilir",
    ),
    "bytes_type": _BYTES,
    "bytes_too_short": Message("it must have at least {min_length} byte(s)", "en az {min_length} bayt olmalı"),
    "bytes_too_long": Message("it must have at most {max_length} byte(s)", "en çok {max_length} bayt olmalı"),
    "bytes_invalid_encoding": _BYTES,
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": Message("it must be a date without a time of day", "saatsiz bir tarih olmalı"),
    "date_past": Message("it must lie in the past", "geçmişte olmalı"),
    "date_future": Message("it must lie in the future", "gelecekte olmalı"),
    "time_type": _TIME,
    "time_parsing": _TIME,
    "datetime_type": _MOMENT,
    "datetime_parsing": _MOMENT,
    "datetime_object_invalid": _MOMENT,
    "datetime_from_date_parsing": _MOMENT,
    "datetime_past": Message("it must lie in the past", "geçmişte olmalı"),
    "datetime_future": Message("it must lie in the future", "gelecekte olmalı"),
    "timezone_naive": Message("it must have no offset", "saat dilimi farkı içermemeli"),
    "timezone_aware": _MOMENT,
    "timezone_offset": _MOMENT,
    "time_delta_type": _SPAN,
    "time_delta_parsing": _SPAN,
    "union_tag_invalid": Message("it must be {expected_tags}", "{expected_tags} olmalı"),
    "union_tag_not_found": Message("{discriminator} is required", "{discriminator} zorunlu"),
    "url_type": _URL,
    "url_parsing": _URL,
    "url_syntax_violation": _URL,
    "url_too_long": Message("it must have at most {max_length} character(s)", "en çok {max_length} karakter olmalı"),
    "url_scheme": Message("it must begin with {expected_schemes}", "{expected_schemes} ile başlamalı"),
    "uuid_type": _UUID,
    "uuid_parsing": _UUID,
    "uuid_version": Message(
        "it must be a UUID of version {expected_version}", "{expected_version} sürümü bir UUID olmalı"
    ),
    "value_error": _OTHER,
    "assertion_error": _OTHER,
}
"""By pydantic's type. What a value from JSON, a path or a query can never be has no line."""


def mistake(message: Message, **facts: Any) -> PydanticCustomError:
    """Return what a validator raises: its sentence in both languages, and the message's code as its type."""
    kind = (message.code or "value_error").lower()
    said = message.said(Language.ENGLISH, facts).replace("{", "(").replace("}", ")")
    return PydanticCustomError(kind, said, {**facts, "message": message})


def field_error(found: Mapping[str, Any], language: Language) -> dict[str, Any]:
    """Return what the answer says of one of pydantic's mistakes.

    The input itself is left out, for it may be a password; but not where a word of a closed set is asked for.
    """
    kind, context = found["type"], found.get("ctx") or {}
    field: dict[str, Any] = {"loc": [part for part in found["loc"] if part != "[key]"], "type": kind}
    if kind in _CLOSED_SETS:
        field["valid_values"] = _QUOTED.findall(str(context.get("expected", "")))
        given = found.get("input")
        # `repr` escapes what cannot be printed, and leaves letters alone
        shown = "null" if given is None else repr(given)[:_SHOWN]
        context = {"valid_values": field["valid_values"], "given": shown}
    if "valid_values" in context:
        field["valid_values"] = context["valid_values"]
    if "minimum" in context:
        field["valid_range"] = {name: context[name] for name in ("minimum", "maximum", "unit")}
    message = context.get("message") or SENTENCES.get(kind, _OTHER)
    # pydantic's own reasons (`error`) are English; a parser's words are no worse for that
    return field | {"msg": message.said(language, context)}


def sentence(fields: list[dict[str, Any]]) -> str:
    """Return the first mistakes in one line, each behind its place."""
    return "; ".join(f"{'.'.join(map(str, field['loc']))}: {field['msg']}" for field in fields[:5])

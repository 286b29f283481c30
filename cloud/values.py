"""Owns what single values from outside may be: text that can be stored and shown, times, ids, numbers."""

import re
import unicodedata
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Path
from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from cloud.languages import Message
from cloud.validation import mistake

_CHARACTER = Message(
    "the character {character} at {position} is not allowed",
    "{position}. konumdaki {character} karakterine izin verilmiyor",
    code="CHARACTER_NOT_ALLOWED",
)
_YEAR = Message(
    "the year {year} is not between 2000 and 2099", "{year} yılı 2000 ile 2099 arasında değil", code="YEAR_OUT_OF_RANGE"
)

# controls (NUL among them; PostgreSQL stores none) and lone surrogates (which UTF-8 cannot say)
_UNWANTED = frozenset({"Cc", "Cs"})
_LINE_BREAKS = re.compile(r"[\t\r\n]")
# the same, as the API's description says it
_PLAIN_SCHEMA = Field(json_schema_extra={"pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$"})
_PROSE_SCHEMA = Field(json_schema_extra={"pattern": r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$"})


def plain(value: str) -> str:
    """Return the text when it holds no control character and no lone surrogate.

    Raises:
        PydanticCustomError: It does; names the character and where.
    """
    for position, character in enumerate(value):
        if unicodedata.category(character) in _UNWANTED:
            raise mistake(_CHARACTER, character=f"U+{ord(character):04X}", position=position)
    return value


def prose(value: str) -> str:
    """Return the text when only tabs and line breaks make it more than plain."""
    plain(_LINE_BREAKS.sub(" ", value))
    return value


Label = Annotated[
    str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True), AfterValidator(plain), _PLAIN_SCHEMA
]
"""A name or a short text, of one line."""

Code = Annotated[
    str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True), AfterValidator(plain), _PLAIN_SCHEMA
]
"""What people and other systems call a thing: a machine's code, a lot's number."""

Notes = Annotated[str, StringConstraints(max_length=4000, strip_whitespace=True), AfterValidator(prose), _PROSE_SCHEMA]
"""Free text, of several lines."""


def lower(value: Any) -> Any:
    """Return a text in lower case, and anything else as it is: a word of a closed set is taken in any case."""
    return value.lower() if isinstance(value, str) else value


def upper(value: Any) -> Any:
    """Return a text in upper case, and anything else as it is."""
    return value.upper() if isinstance(value, str) else value


def moment(value: datetime) -> datetime:
    """Return the time in UTC when it lies between 2000 and 2100.

    Raises:
        PydanticCustomError: It does not: a clock that was never set, or a unit mistaken.
    """
    # looked at before it is turned, for at the calendar's ends turning it overflows
    if not 1999 <= value.year <= 2100 or not 2000 <= (turned := value.astimezone(UTC)).year < 2100:
        raise mistake(_YEAR, year=value.year)
    return turned


Moment = Annotated[AwareDatetime, AfterValidator(moment)]
"""A time with an offset, kept in UTC."""

RowId = Annotated[int, Path(ge=1, le=2**31 - 1, description="Its number, `id` where it is listed")]
"""The id of a row, as a part of a path."""

Positive = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=2**31 - 1)]
NotNegative = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]


class Source(StrEnum):
    """Where a thing of a register comes from."""

    MANUAL = "manual"
    IMPORT = "import"

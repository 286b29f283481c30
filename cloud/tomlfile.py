"""Owns reading a TOML file that an operator wrote: as a model, or all its mistakes at once."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from cloud.errors import BadRequest

M = TypeVar("M", bound=BaseModel)


def read(file: Path, kind: type[M]) -> M:
    """Read a file as a model.

    Raises:
        BadRequest: It is not there, no TOML, or says what the model does not know; names where.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadRequest(f"{file} cannot be read: {error.strerror or error}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"{file} is no TOML: {error}.") from error
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        mistakes = "; ".join(_mistake(each, kind) for each in error.errors())
        raise BadRequest(f"{file}: {mistakes}.") from None


def _mistake(each: ErrorDetails, kind: type[BaseModel]) -> str:
    loc = [str(part) for part in each["loc"] if part != "[key]"]
    match each["type"]:
        case "extra_forbidden":
            known = _keys(kind, loc[:-1])
            says = f"there is no such key; there are {', '.join(known)}" if known else "there is no such key"
        case "missing":
            says = "it is missing, and needed"
        case "model_type" | "model_attributes_type":
            says = f"it must be a table, [{'.'.join(loc)}], not {each['input']!r}"
        case _:
            says = each["msg"].removeprefix("Value error, ")
    return f"{'.'.join(loc)}: {says}"


def _keys(kind: type[BaseModel], path: Sequence[str]) -> list[str]:
    """Return which keys a table has; none where the path leads to no table of a model."""
    for name in path:
        field = kind.model_fields.get(name)
        kinds = (field.annotation, *get_args(field.annotation)) if field is not None else ()
        found = next((each for each in kinds if isinstance(each, type) and issubclass(each, BaseModel)), None)
        if found is None:
            return []
        kind = found
    return list(kind.model_fields)

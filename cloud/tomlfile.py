"""Owns reading a TOML file that an operator wrote: as a model, or all its mistakes at once."""

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

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
        mistakes = "; ".join(
            f"{'.'.join(map(str, each['loc'])).removesuffix('.[key]')}: {each['msg'].removeprefix('Value error, ')}"
            for each in error.errors(include_input=False)
        )
        raise BadRequest(f"{file}: {mistakes}.") from None

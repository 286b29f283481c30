"""Which keys and types may stand where within a pydantic model; pure."""

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr

from edge.config.mistakes import Loc


def keys_at(model: type[BaseModel], loc: Loc) -> set[str]:
    """Return the keys that a mapping at `loc` within `model` may have."""
    return {
        field.alias or name
        for kind in types_at(model, loc)
        if isinstance(kind, type) and issubclass(kind, BaseModel)
        for name, field in kind.model_fields.items()
    }


def types_at(model: type[BaseModel], loc: Loc) -> list[Any]:
    """Return the types that may stand at `loc` within `model`; pydantic's labels of union branches are skipped."""
    kinds: list[Any] = [model]
    for part in loc:
        kinds = [inner for kind in kinds for inner in _inside(kind, part)] or kinds
    return kinds


def secrets_in(model: type[BaseModel], raw: Mapping[Any, object], loc: Loc = ()) -> Iterator[Loc]:
    """Yield where `raw`, which is to become a `model`, gives a secret."""
    for name, field in model.model_fields.items():
        key = field.alias or name
        value = raw.get(key)
        for kind in _flat(field.annotation) if value is not None else ():
            yield from _secrets_of(kind, value, (*loc, key))


def _secrets_of(kind: Any, value: object, loc: Loc) -> Iterator[Loc]:
    if kind is SecretStr:
        yield loc
    elif isinstance(kind, type) and issubclass(kind, BaseModel) and isinstance(value, Mapping):
        yield from secrets_in(kind, value, loc)
    elif get_origin(kind) is dict and isinstance(value, Mapping):
        # a mapping by names of the operator's
        for name, inner in value.items():
            for each in _flat(get_args(kind)[1]):
                yield from _secrets_of(each, inner, (*loc, name))


def _inside(kind: Any, part: str | int) -> list[Any]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            if part in (name, field.alias):
                return _flat(field.annotation)
        return []
    arguments = get_args(kind)
    if arguments and get_origin(kind) in (dict, Mapping):
        return _flat(arguments[1])
    return [inner for argument in arguments for inner in _flat(argument)]


def _flat(kind: Any) -> list[Any]:
    """Return the alternatives of a type, without what annotates them."""
    if get_origin(kind) is Annotated:
        return _flat(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return [inner for argument in get_args(kind) for inner in _flat(argument)]
    return [kind]

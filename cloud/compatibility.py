"""Owns the promise that the API only grows: compares two OpenAPI documents, and names what clients would miss. Pure.

What an answer had must still be there with the same type; what a request might say must still be
accepted, and nothing new may be demanded.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cloud.errors import Conflict

Schema = Mapping[str, Any]

_METHODS = ("get", "post", "put", "patch", "delete")
# a limit in a request may only be loosened
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems")
# deep enough for any body of ours; a schema that contains itself ends here
_DEPTH = 12


def require(old: Schema, new: Schema, snapshot: Path) -> None:
    """Raise Conflict unless `new` keeps all of `old` and the snapshot shows all of `new`.

    Args:
        old: The committed document.
        new: Today's.
        snapshot: The file `old` came from, for the message.
    """
    broken = list(breaking(old, new))
    if broken:
        raise Conflict(
            f"The API lost or narrowed what {snapshot} promises: {'; '.join(broken)}. "
            "Give it back, or bring the change under another path."
        )
    if old != new:
        raise Conflict(f"The API has grown; update the snapshot: tezgah-cloud openapi --output {snapshot}")


def breaking(old: Schema, new: Schema) -> Iterator[str]:
    """Yield what a client written for `old` would miss in `new`, one sentence each."""
    for path, operations in old.get("paths", {}).items():
        for method in _METHODS:
            if method not in operations:
                continue
            where = f"{method.upper()} {path}"
            operation = new.get("paths", {}).get(path, {}).get(method)
            if operation is None:
                yield f"{where} is gone"
                continue
            yield from _parameters(where, operations[method], operation, old, new)
            yield from _request(where, operations[method], operation, old, new)
            yield from _responses(where, operations[method], operation, old, new)


def _parameters(where: str, before: Schema, after: Schema, old: Schema, new: Schema) -> Iterator[str]:
    then = {(each["in"], each["name"]): each for each in before.get("parameters", ())}
    now = {(each["in"], each["name"]): each for each in after.get("parameters", ())}
    for key, parameter in then.items():
        name = f"{where}, parameter {key[1]}"
        if key not in now:
            yield f"{name} is gone"
        else:
            if now[key].get("required") and not parameter.get("required"):
                yield f"{name} is now required"
            yield from _taken(name, parameter.get("schema", {}), now[key].get("schema", {}), old, new)
    for key in now.keys() - then.keys():
        if now[key].get("required"):
            yield f"{where} now requires parameter {key[1]}"


def _request(where: str, before: Schema, after: Schema, old: Schema, new: Schema) -> Iterator[str]:
    then, now = before.get("requestBody"), after.get("requestBody")
    if now is not None and now.get("required") and not (then or {}).get("required"):
        yield f"{where} now requires a body"
    for kind, content in (then or {}).get("content", {}).items():
        if kind not in (now or {}).get("content", {}):
            yield f"{where} takes {kind} no more"
        else:
            schema = (now or {})["content"][kind].get("schema", {})
            yield from _taken(f"{where}, body", content.get("schema", {}), schema, old, new)


def _responses(where: str, before: Schema, after: Schema, old: Schema, new: Schema) -> Iterator[str]:
    for status, response in before.get("responses", {}).items():
        now = after.get("responses", {}).get(status)
        if now is None:
            if status.startswith("2"):
                yield f"{where} answers {status} no more"
            continue
        for kind, content in response.get("content", {}).items():
            if kind not in now.get("content", {}):
                yield f"{where} answers {status} no more as {kind}"
            else:
                schema = now["content"][kind].get("schema", {})
                yield from _given(f"{where}, {status}", content.get("schema", {}), schema, old, new)


def _given(where: str, before: Schema, after: Schema, old: Schema, new: Schema, depth: int = 0) -> Iterator[str]:
    """What an answer holds: nothing may go, nor become another type or sometimes be absent or null."""
    before, after = _resolved(before, old), _resolved(after, new)
    if depth > _DEPTH:
        return
    added = _types(after, new) - _types(before, old)
    if _types(before, old) and added:
        yield f"{where} may now be {' or '.join(sorted(added))}"
        return
    for name, schema in before.get("properties", {}).items():
        if name not in after.get("properties", {}):
            yield f"{where} has {name} no more"
            continue
        if name in before.get("required", ()) and name not in after.get("required", ()):
            yield f"{where} has {name} no more in every case"
        yield from _given(f"{where}.{name}", schema, after["properties"][name], old, new, depth + 1)
    if "items" in before:
        yield from _given(f"{where}[]", before["items"], after.get("items", {}), old, new, depth + 1)
    yield from _variants(_given, where, before, after, old, new, depth)


def _taken(where: str, before: Schema, after: Schema, old: Schema, new: Schema, depth: int = 0) -> Iterator[str]:
    """What a request may say: nothing may be refused that was taken, nor demanded that was not."""
    before, after = _resolved(before, old), _resolved(after, new)
    if depth > _DEPTH:
        return
    refused = _types(before, old) - _types(after, new)
    if _types(after, new) and refused:
        yield f"{where} may be {' or '.join(sorted(refused))} no more"
        return
    if "enum" in after and (gone := set(before.get("enum", ())) - set(after["enum"])):
        yield f"{where} takes {', '.join(sorted(map(str, gone)))} no more"
    yield from _limits(where, before, after)
    for name in set(after.get("required", ())) - set(before.get("required", ())):
        yield f"{where} now requires {name}"
    for name, schema in before.get("properties", {}).items():
        if name in after.get("properties", {}):
            yield from _taken(f"{where}.{name}", schema, after["properties"][name], old, new, depth + 1)
        elif after.get("additionalProperties") is False:
            yield f"{where} takes {name} no more"
    if "items" in before:
        yield from _taken(f"{where}[]", before["items"], after.get("items", {}), old, new, depth + 1)
    yield from _variants(_taken, where, before, after, old, new, depth)


def _limits(where: str, before: Schema, after: Schema) -> Iterator[str]:
    for limit in _UPPER:
        if limit in after and after[limit] < before.get(limit, float("inf")):
            yield f"{where} has a lower {limit}: {after[limit]}"
    for limit in _LOWER:
        if limit in after and after[limit] > before.get(limit, float("-inf")):
            yield f"{where} has a higher {limit}: {after[limit]}"
    if "pattern" in after and after["pattern"] != before.get("pattern"):
        yield f"{where} has another pattern"


def _variants(
    compare: Any, where: str, before: Schema, after: Schema, old: Schema, new: Schema, depth: int
) -> Iterator[str]:
    # `X | null` is the only union in this API: the variant of the same type is the same variant
    for schema in before.get("anyOf", ()):
        for twin in after.get("anyOf", (after,)):
            if _types(schema, old) == _types(twin, new):
                yield from compare(where, schema, twin, old, new, depth + 1)


def _types(schema: Schema, document: Schema) -> frozenset[str]:
    schema = _resolved(schema, document)
    if "anyOf" in schema:
        return frozenset[str]().union(*(_types(each, document) for each in schema["anyOf"]))
    kind = schema.get("type")
    if kind is None:
        return frozenset()
    return frozenset([kind] if isinstance(kind, str) else kind)


def _resolved(schema: Schema, document: Schema) -> Schema:
    while "$ref" in schema:
        name = schema["$ref"].removeprefix("#/components/schemas/")
        schema = document.get("components", {}).get("schemas", {}).get(name, {})
    return schema

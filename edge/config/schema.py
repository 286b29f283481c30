"""The JSON Schema of the configuration, for editors that complete and check while one types; pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from edge.config.options import FileOptions
from edge.drivers.spec import DriverSpec

_Node = dict[str, Any]
_REFERENCE: _Node = {
    "type": "string",
    "pattern": r"\$\{(env|file):[^}]+\}",
    "description": "A value from the environment, ${env:NAME}, or from a file, ${file:PATH}.",
}
_USE: _Node = {"type": "string", "description": "The template that it takes its options from."}
_WITH: _Node = {
    "type": "object",
    "additionalProperties": {"type": ["string", "number"]},
    "description": "What takes the place of the words in braces in its template.",
}
_IMPORT: _Node = {
    "type": "object",
    "required": ["import"],
    "properties": {
        "import": {"type": "string", "description": "A CSV file of devices, one line each; relative to this file."},
        "use": _USE,
        "with": _WITH,
        "on": {"type": "string", "description": "The connection of every line that names none."},
    },
    "description": "Devices from a CSV file; other keys here hold for every line that does not say otherwise.",
}
_SCALARS = ("integer", "number", "boolean", "string")


def json_schema(specs: Mapping[str, DriverSpec]) -> _Node:
    """Return the schema of a file that may use these drivers (JSON Schema 2020-12).

    It cannot say what crosses sections (that `on` names a connection); `tezgah-edge check` can.
    """
    models: list[type[BaseModel]] = [
        FileOptions,
        *(model for s in specs.values() for model in (s.connection, s.device)),
    ]
    refs, definitions = models_json_schema([(model, "validation") for model in models])
    defs: dict[str, _Node] = {name: _with_references(node) for name, node in definitions["$defs"].items()}

    def name_of(model: type[BaseModel]) -> str:
        return str(refs[model, "validation"]["$ref"]).rpartition("/")[2]

    for spec in specs.values():
        device = defs[name_of(spec.device)]
        defs[f"{name_of(spec.device)}Template"] = _template(device, spec.protocol)
        device["properties"]["use"] = _USE
        device["properties"]["with"] = _WITH
        # whatever is missing here may stand in the template
        device["required"] = ["name", "on"]
    root = defs.pop(name_of(FileOptions))
    places = root["properties"]
    places["connections"] = _mapping_of(_any(name_of(spec.connection) for spec in specs.values()))
    places["templates"] = _mapping_of(_any(f"{name_of(spec.device)}Template" for spec in specs.values()))
    places["devices"] = {"type": "array", "items": _any(name_of(spec.device) for spec in specs.values())}
    places["devices"]["items"]["anyOf"].append(_IMPORT)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **root,
        "title": "Tezgah edge configuration",
        "$defs": defs,
    }


def _mapping_of(value: _Node) -> _Node:
    return {"type": "object", "additionalProperties": value}


def _any(names: Iterable[str]) -> _Node:
    return {"anyOf": [{"$ref": f"#/$defs/{name}"} for name in names]}


def _template(device: _Node, protocol: str) -> _Node:
    properties = {key: value for key, value in device["properties"].items() if key not in {"name", "on", "use", "with"}}
    return {
        **{key: value for key, value in device.items() if key != "required"},
        "properties": {"protocol": {"const": protocol}, **properties},
        "required": ["protocol"],
    }


def _with_references(node: Any) -> Any:
    """Let a reference stand wherever a scalar of limited form is expected."""
    if isinstance(node, list):
        return [_with_references(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "pattern" in node or "$ref" in node:
        # the default is the value after reading (seconds, bytes), which is not how one writes it
        node = {key: value for key, value in node.items() if key != "default"}
    if node.get("type") in _SCALARS or "enum" in node or "const" in node:
        is_any_text = node.get("type") == "string" and not {"enum", "const", "pattern"} & node.keys()
        return node if is_any_text else {"anyOf": [node, _REFERENCE]}
    return {key: _inner(key, value) for key, value in node.items()}


def _inner(key: str, value: Any) -> Any:
    if key in {"properties", "patternProperties"}:
        return {name: _with_references(inner) for name, inner in value.items()}
    if key in {"items", "prefixItems", "anyOf", "oneOf", "allOf", "additionalProperties"}:
        return _with_references(value)
    return value

# SPDX-License-Identifier: Apache-2.0
"""Read values against the small part of JSON Schema that the intent's variables use.

The declarations in `variables` are JSON Schema, so what editors complete and what the collection checks cannot
differ. A library would bring the rest of JSON Schema and a dependency for whoever runs the plays, but neither defaults
filled in nor sentences that a reader of an inventory understands.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from .problems import Problems

Schema = Mapping[str, Any]

_NOUNS = {
    "string": "a string",
    "integer": "a whole number",
    "array": "a list",
    "object": "a dictionary",
    "boolean": "true or false",
}


class Missing:
    """Marks a variable that the inventory does not set."""


MISSING = Missing()


def read(schema: Schema, value: Any, path: str, problems: Problems) -> Any:
    """`value` completed with the schema's defaults; every mismatch becomes a problem.

    What is wrong reads as the schema's default, or as an empty value of its type, so that reading can go on.
    """
    if value is MISSING or value is None:
        return deepcopy(schema["default"]) if "default" in schema else empty(schema)
    kind = str(schema["type"])
    value = _convert(kind, value)
    if not _is(kind, value):
        shown = "what it is" if schema.get("writeOnly") else _shown(value)
        problems.add(path, f"must be {_NOUNS[kind]}, not {shown}")
        return empty(schema)
    if kind == "object":
        return _read_object(schema, value, path, problems)
    if kind == "array":
        return _read_array(schema, value, path, problems)
    mistake = _scalar_mistake(schema, value)
    if mistake:
        problems.add(path, mistake)
    return value


def empty(schema: Schema) -> Any:
    """A value of the right type to go on with."""
    if "default" in schema:
        return deepcopy(schema["default"])
    if schema["type"] == "object":
        return {name: empty(each) for name, each in schema.get("properties", {}).items()}
    return {"string": "", "integer": 0, "array": [], "boolean": False}[str(schema["type"])]


def suggestion(name: str, known: Sequence[str]) -> str:
    """The known name that was probably meant, as the end of a sentence; empty when there is none."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
    return f"; did you mean {close[0]}?" if close else ""


def _convert(kind: str, value: Any) -> Any:
    # -e name=22 on the command line always gives a string.
    if kind == "integer" and isinstance(value, str) and re.fullmatch(r"-?\d+", value.strip()):
        return int(value)
    if kind == "boolean" and isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    # Ansible hands out its own kinds of str, list and dict; the model is made of plain ones.
    if kind == "string" and isinstance(value, str):
        return str(value)
    return value


def _is(kind: str, value: Any) -> bool:
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "array":
        return isinstance(value, Sequence) and not isinstance(value, (str, bytes))
    if kind == "object":
        return isinstance(value, Mapping)
    return isinstance(value, {"string": str, "boolean": bool}[kind])


def _scalar_mistake(schema: Schema, value: Any) -> str | None:
    if "minLength" in schema and len(value) < schema["minLength"]:
        return "must not be empty"
    if "minimum" in schema and value < schema["minimum"]:
        return f"must be at least {schema['minimum']}, not {value}"
    if "maximum" in schema and value > schema["maximum"]:
        return f"must be at most {schema['maximum']}, not {value}"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        return f"'{value}' does not look like {schema.get('examples', [schema['pattern']])[0]}"
    if "enum" in schema and value not in schema["enum"]:
        known = [str(each) for each in schema["enum"] if each != ""]
        return f"'{value}' is none of {', '.join(known)}{suggestion(str(value), known)}"
    return None


def _read_object(schema: Schema, value: Mapping[Any, Any], path: str, problems: Problems) -> dict[str, Any]:
    properties: Mapping[str, Schema] = schema.get("properties", {})
    free = schema.get("additionalProperties", True)
    result = {}
    for key in sorted((each for each in value if str(each) not in properties), key=str):
        name = str(key)
        if isinstance(free, Mapping):
            result[name] = read(free, value[key], f"{path}.{name}", problems)
        elif free is True:
            result[name] = value[key]
        elif free is False:
            problems.add(f"{path}.{name}", f"unknown key{suggestion(name, list(properties))}")
    for name in schema.get("required", []):
        if value.get(name) is None:
            problems.add(f"{path}.{name}", "is required")
    for name, each in properties.items():
        result[name] = read(each, value.get(name, MISSING), f"{path}.{name}", problems)
    return result


def _read_array(schema: Schema, value: Sequence[Any], path: str, problems: Problems) -> list[Any]:
    if len(value) < schema.get("minItems", 0):
        problems.add(path, "must not be empty")
    result = [read(schema["items"], each, f"{path}[{index}]", problems) for index, each in enumerate(value)]
    if schema.get("uniqueItems"):
        for index, each in enumerate(result):
            if each in result[:index]:
                problems.add(f"{path}[{index}]", f"'{each}' is named twice")
    return result


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."

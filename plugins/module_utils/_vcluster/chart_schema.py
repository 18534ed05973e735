# SPDX-License-Identifier: Apache-2.0
"""Values against the schema inside a chart, as Helm does when it installs: only earlier, and all mistakes at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

_NOUNS = {
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "array": "a list",
    "object": "a dictionary",
    "boolean": "true or false",
    "null": "null",
}


def mistakes(schema: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each mistake's path and what is wrong. Values themselves are not repeated: some are secrets.

    Without the library jsonschema there are none, and the check is Helm's.
    """
    try:
        from jsonschema import Draft202012Validator
    except ImportError:
        return
    for error in sorted(Draft202012Validator(schema).iter_errors(values), key=lambda each: list(map(str, each.path))):
        path = [str(each) for each in error.absolute_path]
        if error.validator == "additionalProperties" and isinstance(error.instance, Mapping):
            known = list(error.schema.get("properties", {}))
            for name in sorted(str(each) for each in error.instance if each not in known):
                yield ".".join([*path, name]), f"the chart has no such key{_suggestion(name, known)}"
        else:
            yield ".".join(path), f"the chart refuses it: {_sentence(error)}"


def _sentence(error: Any) -> str:
    if error.validator == "type":
        wanted = [error.validator_value] if isinstance(error.validator_value, str) else error.validator_value
        return f"must be {' or '.join(_NOUNS.get(each, each) for each in wanted)}"
    if error.validator in ("oneOf", "anyOf"):
        kinds = [each.get("type") for each in error.validator_value if isinstance(each, Mapping)]
        if all(isinstance(each, str) for each in kinds):
            return f"must be {' or '.join(dict.fromkeys(_NOUNS.get(str(each), str(each)) for each in kinds))}"
    if error.validator == "enum":
        return f"must be one of {', '.join(map(str, error.validator_value))}"
    if error.validator == "required":
        missing = [each for each in error.validator_value if each not in error.instance]
        return f"lacks {', '.join(missing)}"
    return f"does not satisfy {error.validator} {error.validator_value}"


def _suggestion(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.7)
    return f"; did you mean {close[0]}?" if close else ""

# SPDX-License-Identifier: Apache-2.0
"""Options as they are given, with the types that they should have: `-e name=value` and surveys give text. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: `int`, `list`, `dict`, a dictionary of such (its other keys stay as they are), or a list of one such, for each.
Shape = Any


def typed(value: Any, shape: Shape, path: str, wrong: dict[str, str]) -> Any:
    """`value` in its shape; `wrong` gets a message, by path, for each part that cannot have it and reads as empty."""
    if shape is int:
        return _number(value, path, wrong)
    if shape is list or isinstance(shape, list):
        each = shape[0] if isinstance(shape, list) else None
        return _list(value, each, path, wrong)
    return _dictionary(value, shape if isinstance(shape, Mapping) else {}, path, wrong)


def _number(value: Any, path: str, wrong: dict[str, str]) -> int | None:
    if value is None or value == "":
        # a question without an answer
        return None
    if isinstance(value, str) and re.fullmatch(r"\s*-?\d+\s*", value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    wrong[path] = f"{path}: must be a whole number, not {value!r}"
    return None


def _list(value: Any, shape: Shape, path: str, wrong: dict[str, str]) -> list[Any]:
    if value is None or value == "":
        return []
    if not isinstance(value, list):
        wrong[path] = f"{path}: must be a list, not {value!r}; -e takes it as JSON"
        return []
    if shape is None:
        return value
    return [typed(each, shape, f"{path}[{index}]", wrong) for index, each in enumerate(value)]


def _dictionary(value: Any, shape: Mapping[str, Shape], path: str, wrong: dict[str, str]) -> dict[str, Any]:
    if value is None or value == "":
        return {}
    if not isinstance(value, dict):
        wrong[path] = f"{path}: must be a dictionary, not {value!r}; -e takes it as JSON"
        return {}
    prefix = f"{path}." if path else ""
    return {
        key: typed(each, shape[key], f"{prefix}{key}", wrong) if key in shape else each for key, each in value.items()
    }

# SPDX-License-Identifier: Apache-2.0
"""Values by their path, written as in `controlPlane.endpoint`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Values = Mapping[str, Any]


def at(values: Any, path: str) -> Any:
    """The value at a path; None where there is none."""
    for name in path.split("."):
        if not isinstance(values, Mapping) or name not in values:
            return None
        values = values[name]
    return values


def nested(path: str, value: Any) -> dict[str, Any]:
    """Values with this one alone."""
    for name in reversed(path.split(".")):
        value = {name: value}
    result: dict[str, Any] = value
    return result

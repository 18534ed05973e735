"""Paths of keys, as in `controlPlane.endpoint`."""

from __future__ import annotations

from typing import Any


def knows(schema: dict[str, Any], path: list[str], node: dict[str, Any] | None = None) -> bool:
    """Whether a schema has a property at this path."""
    here = schema if node is None else node
    if not path:
        return True
    if "$ref" in here:
        return knows(schema, path, schema["$defs"][here["$ref"].rsplit("/", 1)[-1]])
    inside = here.get("properties", {}).get(path[0])
    return inside is not None and knows(schema, path[1:], inside)

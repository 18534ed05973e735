"""Values of a chart by their dotted path; what is not set leaves no trace, so the chart's default holds."""

from __future__ import annotations

from typing import Any

from .common import Document, merge


def fragment(path: str, value: Any) -> Document:
    """Values with this one alone; nothing for what is not set."""
    if value is None or value == "" or value == [] or value == {}:
        return {}
    for name in reversed(path.split(".")):
        value = {name: value}
    result: Document = value
    return result


def merged(*fragments: Document) -> Document:
    values: Document = {}
    for each in fragments:
        values = merge(values, each)
    return values


def whole(value: Any) -> int | None:
    return None if value is None or value == "" else int(value)

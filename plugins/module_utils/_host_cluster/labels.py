# SPDX-License-Identifier: Apache-2.0
"""Labels of nodes: what differs, and the patch that mends it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True)
class LabelChange:
    node: str
    before: dict[str, str]
    after: dict[str, str]

    @property
    def patch(self) -> Document:
        """A merge patch that touches these labels alone; null takes one away."""
        removed = {key: None for key in self.before if key not in self.after}
        return {"metadata": {"labels": {**self.after, **removed}}}


def label_changes(
    nodes: list[Document], names: list[str] | None, wanted: dict[str, str | None], exclusive: bool = False
) -> list[LabelChange]:
    """What to change on the named nodes, or on all. A label that shall be None goes away; `exclusive`: elsewhere."""
    changes: list[LabelChange] = []
    for node in nodes:
        name = node["metadata"]["name"]
        named = names is None or name in names
        if not named and not exclusive:
            continue
        labels = node["metadata"].get("labels") or {}
        before = {key: labels[key] for key in sorted(wanted) if key in labels}
        after = {key: value for key, value in sorted(wanted.items()) if value is not None and named}
        if before != after:
            changes.append(LabelChange(name, before, after))
    return changes


def missing_nodes(nodes: list[Document], names: list[str]) -> list[str]:
    there = {node["metadata"]["name"] for node in nodes}
    return [name for name in names if name not in there]

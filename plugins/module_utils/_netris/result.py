# Copyright: Contributors to the baremetal.fabric collection
# SPDX-License-Identifier: Apache-2.0

# This code is private to the baremetal.fabric collection: it may change without notice.

"""What modules return: comparable objects and the facts of server clusters."""

from __future__ import annotations

from typing import Any

from .executor import Outcome
from .model import Entry, Record, Value, World
from .noun import Document, Noun
from .nouns.registry import MANAGED
from .nouns.server_cluster import postfixes_of, unknown_vnet
from .reconcile import Action, as_diff


def shown(noun: Noun, record: Record, world: World) -> Value:
    """One object as users see it."""
    return {"id": record.id, **record.value, **noun.extras(record, world)}


def document_result(document: Document, outcome: Outcome, check_mode: bool) -> dict[str, Any]:
    """The whole answer for a document."""
    objects: dict[str, list[Value]] = {}
    for key in document.nouns():
        objects[key] = [
            value
            for entry in document.of(key)
            if not entry.absent and (value := _object(MANAGED[key], entry, outcome, check_mode)) is not None
        ]
    clusters = {str(value["name"]): value for value in objects.get("server_clusters", [])}
    return {
        "changed": outcome.changed,
        "plan": [action.as_dict() for action in outcome.actions],
        "kept": list(outcome.kept),
        "objects": objects,
        "server_clusters": {
            entry.name: _cluster_facts(clusters[entry.name], document, outcome.world)
            for entry in document.of("server_clusters")
            if entry.name in clusters
        },
        "waited": outcome.waited,
        "diff": as_diff(outcome.actions),
    }


def _object(noun: Noun, entry: Entry, outcome: Outcome, check_mode: bool) -> Value | None:
    """An entry's object as it is now; in check mode as it would be."""
    if check_mode:
        for action in outcome.actions:
            # Not by identity: an action may hold the entry with its references resolved.
            if _same(action.entry, entry) and action.after is not None:
                return _planned(noun, action, outcome.world)
    found = list(noun.find(entry, outcome.world))
    if not found:
        return None
    return shown(noun, min(found, key=lambda record: record.id), outcome.world)


def _same(one: Entry | None, other: Entry) -> bool:
    return one is not None and (one.noun, one.path) == (other.noun, other.path)


def _planned(noun: Noun, action: Action, world: World) -> Value:
    """Ids and everything else that only the controller can tell are null."""
    if action.record is not None:
        return {**shown(noun, action.record, world), **(action.after or {})}
    value: Value = {"id": None, **(action.after or {})}
    if noun.key == "vnets":
        value["name"] = value.get("name") or action.name
    return value


def _cluster_facts(value: Value, document: Document, world: World) -> Value:
    keys = ("id", "name", "site", "owner", "vpc", "template", "servers", "tags")
    facts: Value = {key: value.get(key) for key in keys}
    facts["status"] = value.get("status")
    facts["vnets"] = value.get("vnets") or {
        postfix: unknown_vnet() for postfix in postfixes_of(_template(value, document, world))
    }
    return facts


def _template(cluster: Value, document: Document, world: World) -> Value | None:
    name = cluster.get("template")
    for entry in document.of("server_cluster_templates"):
        if entry.name == name and not entry.absent:
            return entry.desired
    record = world.by_name("server_cluster_templates", str(name))
    return record.value if record else None

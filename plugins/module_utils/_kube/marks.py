"""Labels and taints that a node has from the inventory, and nobody else's: what is ours is listed in an annotation.

Pure. The comparison is made on the machine that runs Ansible from a node that was read anyway, so a node that has what
it should have costs nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

Document = dict[str, Any]

#: Lists the labels and taints that we have set, so that those taken out of the inventory can be told from others'.
OWNED = "baremetal.fabric/owned-marks"
#: On a node that we have closed to new pods; one that somebody else has closed stays so.
CORDONED = "baremetal.fabric/cordoned"


def owned(node: Document) -> tuple[set[str], set[tuple[str, str]]]:
    """Keys of the labels, and keys and effects of the taints, that we have set. An unreadable list is an empty one."""
    text = (node["metadata"].get("annotations") or {}).get(OWNED)
    try:
        lists = json.loads(text or "{}")
        return set(map(str, lists.get("labels") or ())), {_split(each) for each in lists.get("taints") or ()}
    except (ValueError, AttributeError, TypeError):
        return set(), set()


def change(node: Document, labels: Mapping[str, Any], taints: Sequence[Mapping[str, Any]]) -> Document:
    """The merge patch that gives a node these marks and opens it if we had closed it; empty if there is none to make.

    It carries the version of the node that it was made from: taints travel as one list, which others write as well.
    """
    ours, ours_tainted = owned(node)
    wanted = {str(key): _text(value) for key, value in labels.items()}
    present = node["metadata"].get("labels") or {}
    label_patch: Document = {key: value for key, value in wanted.items() if present.get(key) != value}
    label_patch.update({key: None for key in sorted(ours - set(wanted)) if key in present})

    old: list[Document] = list((node.get("spec") or {}).get("taints") or [])
    new = _taints(old, taints, ours_tainted)

    annotations: Document = {}
    listed = _listed(wanted, taints)
    was = (node["metadata"].get("annotations") or {}).get(OWNED)
    if listed != was:
        annotations[OWNED] = listed
    spec: Document = {}
    if new != old:
        spec["taints"] = new or None
    if CORDONED in (node["metadata"].get("annotations") or {}):
        annotations[CORDONED] = None
        spec["unschedulable"] = None
        if "taints" in spec or any(_identity(each) == _UNSCHEDULABLE for each in old):
            # The node controller would take it off, but later: until then no pod would come.
            spec["taints"] = [each for each in new if _identity(each) != _UNSCHEDULABLE] or None
    patch: Document = {}
    metadata = {key: part for key, part in (("labels", label_patch), ("annotations", annotations)) if part}
    if metadata:
        patch["metadata"] = metadata
    if spec:
        patch["spec"] = spec
    if patch and node["metadata"].get("resourceVersion"):
        patch.setdefault("metadata", {})["resourceVersion"] = node["metadata"]["resourceVersion"]
    return patch


def shown(node: Document) -> Document:
    """The part of a node that a change of marks is about, for a diff."""
    spec = node.get("spec") or {}
    return {
        "labels": node["metadata"].get("labels") or {},
        "taints": spec.get("taints") or [],
        "unschedulable": bool(spec.get("unschedulable")),
    }


_UNSCHEDULABLE = ("node.kubernetes.io/unschedulable", "NoSchedule")


def _taints(old: list[Document], wanted: Sequence[Mapping[str, Any]], ours: set[tuple[str, str]]) -> list[Document]:
    """Others' taints stay in their places; ours are replaced where they stand, so that an equal list is equal."""
    by_identity = {_identity(each): _plain(each) for each in wanted}
    kept = []
    for taint in old:
        identity = _identity(taint)
        if identity in by_identity:
            fresh = by_identity.pop(identity)
            kept.append(taint if str(taint.get("value") or "") == fresh.get("value", "") else fresh)
        elif identity not in ours:
            kept.append(taint)
    return [*kept, *by_identity.values()]


def _text(value: Any) -> str:
    """Labels are text; a YAML boolean is meant as it is written."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _plain(taint: Mapping[str, Any]) -> Document:
    value = {"value": str(taint["value"])} if taint.get("value") not in (None, "") else {}
    return {"key": str(taint["key"]), **value, "effect": str(taint["effect"])}


def _identity(taint: Mapping[str, Any]) -> tuple[str, str]:
    return str(taint["key"]), str(taint["effect"])


def _split(text: Any) -> tuple[str, str]:
    key, _colon, effect = str(text).rpartition(":")
    return key, effect


def _listed(labels: Mapping[str, str], taints: Sequence[Mapping[str, Any]]) -> str | None:
    if not labels and not taints:
        return None
    lists = {"labels": sorted(labels), "taints": sorted(":".join(_identity(each)) for each in taints)}
    return json.dumps(lists, sort_keys=True)

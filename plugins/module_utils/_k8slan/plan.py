# SPDX-License-Identifier: Apache-2.0
"""What is to be done for LANs, given those that exist. k8slan lets nobody change one: it goes, and comes anew. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from . import model
from .model import Lan, key_of, shown
from .rules import NOT_OURS, Facts, removal_mistakes

Document = dict[str, Any]
_SAID = {
    "ns": "netns",
    "bridge": "bridge",
    "vxlan": "vxlan",
    "vni": "vni",
    "vxlanGrp": "group",
    "vxlanPort": "port",
    "defaultVxlanDev": "device",
    "vxlanDevMap": "devices",
    "spokes": "spokes",
}
#: What k8slan's webhook fills in where nothing is said.
_DEFAULTS = {"vxlanGrp": model.DEFAULT_GROUP, "vxlanPort": 4789}


@dataclass
class Plan:
    """`create` comes after `remove` is gone: a LAN may take over what another one has had."""

    create: list[Lan] = field(default_factory=list)
    keep: list[Lan] = field(default_factory=list)
    remove: list[Document] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def plan(lans: Sequence[Lan], facts: Facts, recreate: bool) -> Plan:
    made = Plan()
    existing = {key_of(each): each for each in facts.lans}
    for lan in lans:
        found = existing.get(lan.key)
        if found is None:
            made.create.append(lan)
            continue
        changes = differences(found, lan)
        if not model.ours(found):
            made.refused.append(f"LAN {shown(lan.key)} {NOT_OURS}")
        elif found["metadata"].get("deletionTimestamp"):
            # it goes already, perhaps by a run that was killed
            made.remove.append(found)
            made.create.append(lan)
        elif not changes:
            made.keep.append(lan)
        elif recreate:
            made.refused += removal_mistakes([found], facts)
            made.remove.append(found)
            made.create.append(lan)
        else:
            made.refused.append(
                f"LAN {shown(lan.key)} cannot be changed, only made anew (recreate), which interrupts it:"
                f" {'; '.join(changes)}"
            )
    return made


def differences(found: Document, lan: Lan) -> list[str]:
    """A phrase for each field in which the LAN that is there differs from the one that is asked for."""
    before, after = _comparable(found.get("spec") or {}), _comparable(model.document(lan)["spec"])
    return [
        f"{said} is {_shown(before.get(key))}, not {_shown(after.get(key))}"
        for key, said in _SAID.items()
        if before.get(key) != after.get(key)
    ]


def _comparable(spec: Document) -> Document:
    filled = {**_DEFAULTS, **{key: value for key, value in spec.items() if value not in (None, "", {}, [])}}
    filled["vxlanGrp"] = model.group_address(filled["vxlanGrp"])
    # their order says nothing
    filled["spokes"] = sorted(filled.get("spokes") or [])
    return filled


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={each}" for key, each in sorted(value.items()))
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    return "none" if value is None else str(value)

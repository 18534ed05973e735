"""Switches of the laboratory: where sources contradict each other, and faults to be had on demand."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from .errors import invalid

CHOICES: dict[str, tuple[str, ...]] = {
    "agents": ("required", "assumed"),
    "cluster_status": ("object", "string"),
    "cluster_gateways": ("object", "string"),
    "post_data": ("object", "array"),
    "vlan_id_word": ("both", "specify", "dynamic"),
    "cluster_delete_vpc": ("remove", "keep"),
    "vnet_list": ("all", "default-vpc"),
    "ipam_list": ("default-vpc", "all"),
    "auto_subnet_scope": ("all-vpcs", "vpc"),
    "template_edit_in_use": ("refuse", "allow"),
    "peering_lists": ("two", "one"),
    "nat_subnets": ("required", "any"),
    "clusters": ("normal", "stuck", "fail"),
}


@dataclass
class Knobs:
    """Current positions. README.md describes each."""

    # behaviour
    agents: str = "assumed"
    active_delay: float = 1.0
    session_seconds: int = 86400
    etag: bool = True
    # contradictions of the sources
    cluster_status: str = "object"
    cluster_gateways: str = "object"
    post_data: str = "object"
    ports_nested: bool = False
    vlan_id_word: str = "both"
    cluster_delete_vpc: str = "remove"
    vnet_list: str = "all"
    ipam_list: str = "default-vpc"
    auto_subnet_scope: str = "all-vpcs"
    template_edit_in_use: str = "refuse"
    peering_lists: str = "two"
    nat_subnets: str = "required"
    # faults
    clusters: str = "normal"
    slow_ms: int = 0
    refuse_login: bool = False
    password_change: bool = False
    fail_next_reads: int = 0
    fail_next_writes: int = 0
    fail_status: int = 500
    lose_next_answers: int = 0
    tear_next: int = 0
    html_next: int = 0

    def update(self, changes: dict[str, Any]) -> None:
        """Takes over all of the changes, or none."""
        fields = {field.name: field for field in dataclasses.fields(self)}
        checked: dict[str, Any] = {}
        for name, value in changes.items():
            if name not in fields:
                raise invalid(name, f"Unknown knob {name}.")
            checked[name] = _converted(name, value, type(getattr(self, name)))
        for name, value in checked.items():
            setattr(self, name, value)

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def dump(self) -> str:
        return json.dumps(self.as_dict())

    def take(self, name: str) -> bool:
        """Uses up one of a counted fault."""
        left: int = getattr(self, name)
        if left <= 0:
            return False
        setattr(self, name, left - 1)
        return True


def _converted(name: str, value: Any, kind: type) -> Any:
    """Accepts the JSON type, or its text as the command line has it."""
    if name in CHOICES:
        if value not in CHOICES[name]:
            raise invalid(name, f"Knob {name} is one of {', '.join(CHOICES[name])}, not {value!r}.")
        return value
    if kind is bool:
        words = {"true": True, "false": False, True: True, False: False}
        if value not in words:
            raise invalid(name, f"Knob {name} is true or false, not {value!r}.")
        return words[value]
    try:
        return kind(value)
    except (TypeError, ValueError) as error:
        raise invalid(name, f"Knob {name} is a number, not {value!r}.") from error

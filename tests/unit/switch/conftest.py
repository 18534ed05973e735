# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._switch.run import apply

from tests.support.fake_switch import FakeSwitch

PORTS = [f"swp{number}" for number in range(1, 9)]
DEFAULTS: dict[str, Any] = {
    "phase": "apply",
    "networks": [],
    "reserved": {},
    "vlan_range": "100-109",
    "vlan_ids_used": [],
    "bridge": "br-fabric",
    "mtu": 9216,
    "ports": PORTS,
    "uplinks": [],
    "token": None,
    "rollback_timeout": 60,
    "allow_connection_ports": False,
    "management_peer": "10.77.0.1",
}


@pytest.fixture
def switch(tmp_path: Path) -> FakeSwitch:
    return FakeSwitch(tmp_path)


def member(server: str, *ports: str, tagged: bool = False) -> dict[str, Any]:
    return {"server": server, "ports": list(ports), "tagged": tagged, "state": "present"}


SHARED = member("shared1", "swp1", "swp2", tagged=True)
METAL1 = member("metal1", "swp3", "swp4")
METAL2 = member("metal2", "swp5", "swp6")


def network(name: str, *members: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A network as the plan of the role `fabric` writes it."""
    return {
        "name": name,
        "state": "present",
        "supernet": "192.168.64.0/18",
        "prefix_length": 22,
        "gateway_host": 1022,
        "dhcp": {"start_host": 1, "end_host": 1017},
        "routed": True,
        "members_mode": "exact",
        "members": list(members),
        **more,
    }


def gone(name: str) -> dict[str, Any]:
    return {"name": name, "state": "absent"}


def call(switch: FakeSwitch, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    return apply({**DEFAULTS, **options}, switch, check_mode)


def bring(switch: FakeSwitch, *networks: dict[str, Any], **options: Any) -> dict[str, Any]:
    """What the role does: reserve, apply, confirm; the result of the middle one, with what was reserved."""
    wanted = [each for each in networks if each["state"] == "present" and each.get("gateway_host") is not None]
    reserved = call(switch, phase="reserve", networks=wanted, **options)
    options["reserved"] = {**options.get("reserved", {}), **reserved["reserved"]}
    result = call(switch, networks=list(networks), **options)
    if result["confirm_needed"]:
        call(switch, phase="confirm", token=result["token"])
    return {**result, "changed": result["changed"] or reserved["changed"]}

# SPDX-License-Identifier: Apache-2.0
"""Which server can ask which gateway whether its ports are set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

DOCUMENTATION = r"""
name: switch_gateways
short_description: Which server can ask which gateway
version_added: 0.1.0
description:
  - Lists the servers whose ports change and that are to be untagged in a network with a gateway on a switch.
positional: expected
options:
  _input:
    description: RV(baremetal.fabric.switch_records#module:looks).
    type: list
    elements: dict
    required: true
  expected:
    description: RV(baremetal.fabric.switch_records#module:expected).
    type: dict
    required: true
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: List who can ask
  ansible.builtin.debug:
    msg: "{{ work.looks | baremetal.fabric.switch_gateways(work.expected) }}"
"""

RETURN = r"""
_value:
  description: Entries with C(server), C(network) and C(gateway).
  type: list
  elements: dict
"""


def switch_gateways(looks: Sequence[Mapping[str, Any]], expected: Mapping[str, Any]) -> list[dict[str, str]]:
    gateways = {
        str(network["name"]): str(network["gateway"])
        for look in looks
        for network in look["networks"]
        if network["routed"]
    }
    found = {
        str(member["server"]): str(network["name"])
        for look in looks
        for network in look["networks"]
        for member in network["members"]
        if not member["tagged"] and member["server"] in expected and network["name"] in gateways
    }
    return [
        {"server": server, "network": network, "gateway": gateways[network]}
        for server, network in sorted(found.items())
    ]


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"switch_gateways": switch_gateways}

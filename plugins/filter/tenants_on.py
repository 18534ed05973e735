# SPDX-License-Identifier: Apache-2.0
"""Which tenant VLANs a shared server carries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DOCUMENTATION = r"""
name: tenants_on
short_description: Tenant clusters of a play that reach a shared server
version_added: 0.1.0
description:
  - Takes what M(baremetal.fabric.intent) returned and lists, for one shared server, the tenant clusters that the play
    is about and whose VLAN reaches it.
positional: server, hostvars
options:
  _input:
    description: The result of M(baremetal.fabric.intent).
    type: dict
    required: true
  server:
    description: Inventory name of the shared server.
    type: str
    required: true
  hostvars:
    description: The variables of all hosts, for the tenant clusters' facts.
    type: dict
    required: true
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Carry the tenants' VLANs
  ansible.builtin.include_role:
    name: baremetal.fabric.host_network
  vars:
    host_network_tenants: "{{ intent_checked | baremetal.fabric.tenants_on(inventory_hostname, hostvars) }}"
"""

RETURN = r"""
_value:
  description: Dictionaries with C(name) and C(vlan_id), which is null before the VLAN exists.
  type: list
  elements: dict
"""


def tenants_on(
    checked: Mapping[str, Any], server: str, hostvars: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    tenants = checked["model"]["tenant_clusters"]
    return [
        {"name": str(name), "vlan_id": hostvars[name].get("fabric_vlan_id")}
        for name in checked["targets"]["tenant_clusters"]
        if server in tenants[name]["shared_servers"]
    ]


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"tenants_on": tenants_on}

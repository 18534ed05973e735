# SPDX-License-Identifier: Apache-2.0
"""What several switches carry, as one fabric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.baremetal.fabric.plugins.module_utils._intent.model import Model
from ansible_collections.baremetal.fabric.plugins.module_utils._switch.document import server_clusters

DOCUMENTATION = r"""
name: switch_fabric
short_description: What several switches carry, as one fabric
version_added: 0.1.0
description:
  - Puts together what M(baremetal.fabric.switch_info) and M(baremetal.fabric.switch_networks) returned, in the form in
    which M(baremetal.fabric.fabric_plan) and P(baremetal.fabric.tenant_facts#filter) take it.
positional: model
options:
  _input:
    description: Results, each with C(switch) and C(networks); of several for one switch, what a later one says holds.
    type: list
    elements: dict
    required: true
  model:
    description: The model that M(baremetal.fabric.intent) returned.
    type: dict
    required: true
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Put the switches together
  ansible.builtin.set_fact:
    fabric_now: "{{ looks.results | baremetal.fabric.switch_fabric(checked.model) }}"
"""

RETURN = r"""
_value:
  description:
    - C(switches), by name what was said of each, and C(server_clusters), C(vpcs), C(vnets) and C(subnets) as
      M(baremetal.fabric.netris_info) shows them.
  type: dict
"""


def switch_fabric(looks: Sequence[Mapping[str, Any]], model: Mapping[str, Any]) -> dict[str, Any]:
    switches: dict[str, dict[str, Any]] = {}
    for look in looks:
        told = {key: look[key] for key in ("networks", "neighbours", "vlan_ids_used") if key in look}
        switches.setdefault(str(look["switch"]), {}).update(told)
    clusters = server_clusters(Model.from_dict(model), switches)
    entries = [entry for cluster in clusters for entry in cluster["vnets"].values()]
    return {
        "switches": switches,
        "server_clusters": clusters,
        "vpcs": [{"name": cluster["vpc"]} for cluster in clusters],
        "vnets": [{"name": entry["vnet"], "vpc": entry["vpc"]} for entry in entries],
        "subnets": [{"prefix": entry["subnet"], "vpc": entry["vpc"]} for entry in entries],
    }


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"switch_fabric": switch_fabric}

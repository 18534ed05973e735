# SPDX-License-Identifier: Apache-2.0
"""Server clusters as a controller shows them, in the words of the collection's facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.baremetal.fabric.plugins.module_utils._intent.model import Model
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.summary import facts_line
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.document import tenant_facts as _tenant_facts

DOCUMENTATION = r"""
name: tenant_facts
short_description: Facts of tenant clusters from their server clusters
version_added: 0.1.0
description:
  - Turns the server clusters that M(baremetal.fabric.netris_document) or M(baremetal.fabric.netris_info) returned into
    the facts of tenant clusters, address plan included.
  - Values that only the controller can tell, and has not told yet, are null.
positional: model, tenant_clusters
options:
  _input:
    description: Server clusters, by name or as a list.
    type: raw
    required: true
  model:
    description: The model that M(baremetal.fabric.intent) returned.
    type: dict
    required: true
  tenant_clusters:
    description: Inventory names of the tenant clusters.
    type: list
    elements: str
    required: true
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Show the API endpoint of blue
  ansible.builtin.debug:
    msg: "{{ (applied.server_clusters | baremetal.fabric.tenant_facts(checked.model, ['blue'])).blue.vip }}"
"""

RETURN = r"""
_value:
  description:
    - By tenant cluster, a dictionary with C(vlan_id), C(vpc), C(vnet), C(subnet), C(gateway), C(vip),
      C(control_plane_range), C(dhcp_range), C(snat_address), C(dnat), C(peered_vpcs) and C(line), a sentence with
      all of them.
  type: dict
"""


def tenant_facts(
    server_clusters: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    model: Mapping[str, Any],
    tenant_clusters: Sequence[str],
) -> dict[str, dict[str, Any]]:
    intent = Model.from_dict(model)
    clusters = (
        server_clusters
        if isinstance(server_clusters, Mapping)
        else {str(each["name"]): each for each in server_clusters}
    )
    result = {}
    for name in tenant_clusters:
        facts = _tenant_facts(intent, name, clusters.get(intent.tenant_clusters[name].netris_name))
        result[str(name)] = {**facts, "line": facts_line(str(name), facts)}
    return result


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"tenant_facts": tenant_facts}

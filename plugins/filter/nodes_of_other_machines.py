# SPDX-License-Identifier: Apache-2.0
"""Ready nodes that are another machine than the one that asks; how that is told is beside the modules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.baremetal.fabric.plugins.module_utils._kube import identity, readiness

DOCUMENTATION = r"""
name: nodes_of_other_machines
short_description: Ready nodes that are another machine than this one
version_added: 0.1.0
description:
  - A server that joins under the name of a node that is Ready elsewhere would push that one out. Whether it is
    elsewhere is told by the UUID of the machine, with its machine id or its address beside it, and by the address alone
    where a UUID is not known.
positional: machine, address
options:
  _input:
    description: Nodes, as M(baremetal.fabric.kube_objects_info) returned them.
    type: list
    elements: dict
    required: true
  machine:
    description: The server's C(system_uuid) and C(machine_id), as M(baremetal.fabric.node_join_info) returned them.
    type: dict
    required: true
  address:
    description: Address by which the server registers.
    type: str
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Is there a namesake?
  ansible.builtin.debug:
    msg: "{{ nodes.objects | baremetal.fabric.nodes_of_other_machines(server.machine, lease.address) | length > 0 }}"
"""

RETURN = r"""
_value:
  description: What is known of each of them, in words.
  type: list
  elements: str
"""


def nodes_of_other_machines(
    nodes: Sequence[dict[str, Any]], machine: Mapping[str, str], address: str | None = None
) -> list[str]:
    mine = identity.Machine(str(machine["system_uuid"]), str(machine["machine_id"]), address or "")
    return [
        identity.told(node)
        for node in nodes
        if readiness.is_true(node, "Ready") and not identity.is_same_machine(node, mine)
    ]


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"nodes_of_other_machines": nodes_of_other_machines}

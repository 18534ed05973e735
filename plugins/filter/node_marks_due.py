# SPDX-License-Identifier: Apache-2.0
"""Whether nodes lack labels or taints of the inventory; what decides it is beside the module that sets them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.baremetal.fabric.plugins.module_utils._kube import marks

DOCUMENTATION = r"""
name: node_marks_due
short_description: Nodes whose labels and taints are not what the inventory says
version_added: 0.1.0
description:
  - Takes nodes as M(baremetal.fabric.kube_objects_info) returned them and names those on which
    M(baremetal.fabric.tenant_node) would change a label or a taint, or that it would open to pods again.
positional: labels, taints
options:
  _input:
    description: Nodes.
    type: list
    elements: dict
    required: true
  labels:
    description: The labels that they shall have from the inventory.
    type: dict
    required: true
  taints:
    description: The taints, with C(key), C(effect) and optionally C(value).
    type: list
    elements: dict
    required: true
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Does metal1 have its labels?
  ansible.builtin.debug:
    msg: "{{ nodes.objects | baremetal.fabric.node_marks_due({'zone': 'a'}, []) | length == 0 }}"
"""

RETURN = r"""
_value:
  description: Names of the nodes.
  type: list
  elements: str
"""


def node_marks_due(
    nodes: Sequence[dict[str, Any]], labels: Mapping[str, Any], taints: Sequence[Mapping[str, Any]]
) -> list[str]:
    return [str(node["metadata"]["name"]) for node in nodes if marks.change(node, labels, taints)]


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"node_marks_due": node_marks_due}

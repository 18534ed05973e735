# SPDX-License-Identifier: Apache-2.0
"""Whether a tenant cluster can go from one Kubernetes version to another, and whether two are the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.baremetal.fabric.plugins.module_utils._kube import versions

DOCUMENTATION = r"""
name: kubernetes_step
short_description: Why a tenant cluster cannot be upgraded to a Kubernetes version
version_added: 0.1.0
description:
  - Takes the version that a tenant cluster runs and says what stands against the one that it shall run. A skipped
    minor, a step backwards, and nodes that would be too old or too new for their API server are refused.
positional: wanted, name, nodes
options:
  _input:
    description: The version that its API server runs.
    type: str
    required: true
  wanted:
    description: The version that it shall run.
    type: str
    required: true
  name:
    description: Name of the tenant cluster, for the sentence.
    type: str
    required: true
  nodes:
    description: Its nodes, as M(baremetal.fabric.kube_objects_info) returned them.
    type: list
    elements: dict
    default: []
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Can blue go to 1.36?
  ansible.builtin.debug:
    msg: "{{ 'v1.35.2' | baremetal.fabric.kubernetes_step('v1.36.0', 'blue') }}"
"""

RETURN = r"""
_value:
  description: One sentence; empty if nothing stands against it.
  type: str
"""


def kubernetes_step(present: str, wanted: str, name: str, nodes: Sequence[Mapping[str, Any]] = ()) -> str:
    kubelets = {
        str(node["metadata"]["name"]): str(((node.get("status") or {}).get("nodeInfo") or {}).get("kubeletVersion", ""))
        for node in nodes
    }
    return versions.mistake(name, str(present), str(wanted), kubelets)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"kubernetes_step": kubernetes_step}

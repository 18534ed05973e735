# Copyright (c) 2026, the baremetal.fabric authors
# Apache License 2.0 (see LICENSE)
"""The filter isolation_leftovers."""

from __future__ import annotations

DOCUMENTATION = r"""
name: isolation_leftovers
short_description: What is still there of deleted tenant clusters
version_added: 0.1.0
description:
  - From what the controller, the host cluster and the servers show, list what is left of tenant clusters that were
    deleted.
positional: looks, files, remains, controller
options:
  _input:
    description:
      - The deleted tenant clusters, each with C(name), and if known C(netris_name) and C(vlan_id).
    type: list
    elements: dict
    required: true
  looks:
    description: For each server what M(baremetal.fabric.packet_probe) returned.
    type: dict
    required: true
  files:
    description: For each server the files that only those tenant clusters had, as M(ansible.builtin.find) returns them.
    type: dict
    required: true
  remains:
    description: RV(baremetal.fabric.tenant_cluster_info#module:remains).
    type: dict
    required: true
  controller:
    description: What M(baremetal.fabric.netris_info) returned for VPCs, server clusters, V-Nets and subnets.
    type: dict
    required: true
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: List what is left
  ansible.builtin.debug:
    msg: "{{ deleted | baremetal.fabric.isolation_leftovers(looks, files, remains, controller) }}"
"""

RETURN = r"""
_value:
  description: One line for each thing that is left.
  type: list
  elements: str
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.baremetal.fabric.plugins.module_utils._proof.leftovers import leftovers


class FilterModule:
    """What Ansible asks a filter file for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"isolation_leftovers": leftovers}

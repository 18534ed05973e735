# Copyright (c) 2026, the baremetal.fabric authors
# Apache License 2.0 (see LICENSE)
"""The filter isolation_plan."""

from __future__ import annotations

DOCUMENTATION = r"""
name: isolation_plan
short_description: What each server has to do to prove isolation
version_added: 0.1.0
description:
  - From what the inventory wants, what the fabric gave and what was seen on the servers, make the options of
    M(baremetal.fabric.packet_probe) for each server.
positional: nonce, duration, minimum
options:
  _input:
    description:
      - A dictionary of C(model) (as returned by M(baremetal.fabric.intent)), C(facts) (the facts of each tenant
        cluster's host), C(looks) (what M(baremetal.fabric.packet_probe) with
        O(baremetal.fabric.packet_probe#module:duration=0) returned for each server), C(clusters) and C(host_targets)
        (RV(baremetal.fabric.tenant_cluster_info#module:tenants) and
        RV(baremetal.fabric.tenant_cluster_info#module:host_targets)), and C(scope) (names of the tenant clusters that
        have to exist, by default all) and C(unasked) (why C(clusters) is empty).
    type: dict
    required: true
  nonce:
    description: A text that is different in each run.
    type: str
    required: true
  duration:
    description: The longest time to send and listen, in seconds.
    type: float
    default: 30
  minimum:
    description: The shortest time to send and listen, in seconds.
    type: float
    default: 20
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Make the orders of all servers
  ansible.builtin.set_fact:
    probe_orders: "{{ scene | baremetal.fabric.isolation_plan(nonce=probe_nonce) }}"
"""

RETURN = r"""
_value:
  description: For each server the options of M(baremetal.fabric.packet_probe).
  type: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.baremetal.fabric.plugins.module_utils._proof.plan import plan
from ansible_collections.baremetal.fabric.plugins.module_utils._proof.scene import scene_of


def isolation_plan(
    given: Mapping[str, Any], nonce: str, duration: float = 30, minimum: float = 20
) -> dict[str, dict[str, Any]]:
    return plan(scene_of(given), nonce, float(duration), float(minimum))


class FilterModule:
    """What Ansible asks a filter file for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"isolation_plan": isolation_plan}

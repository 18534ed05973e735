#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Documentation of the action plugin of the same name; nothing here ever runs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: fabric_plan
short_description: Compare the inventory's intent with the present fabric
version_added: 0.1.0
description:
  - Takes what M(baremetal.fabric.netris_info) returned and checks the intent of some tenant clusters, or of the host
    cluster, against it. All mistakes are reported at once, each with the place where it can be mended, before anything
    is touched. Among them are unknown servers, NICs that do not exist or are not linked, switches whose agent is not
    healthy, servers that another cluster holds, and too few VLAN ids or child subnets.
  - Returns the document that M(baremetal.fabric.netris_document) has to carry out.
  - Talks to nothing, sets no facts and changes nothing.
extends_documentation_fragment:
  - baremetal.fabric.modes.action
  - baremetal.fabric.modes.read_only
options:
  info:
    description: The result of M(baremetal.fabric.netris_info).
    type: dict
    required: true
  tenant_clusters:
    description: Inventory names of the tenant clusters to plan.
    type: list
    elements: str
    default: []
  host_cluster:
    description: Plan the host cluster instead.
    type: bool
    default: false
  servers:
    description:
      - Inventory names of bare-metal servers. Instead of tenant clusters, plan where these belong. All other members of
        the tenant clusters stay as they are.
    type: list
    elements: str
  target:
    description:
      - Tenant cluster that O(servers) shall be in, empty for parking. By default what the inventory says of each.
    type: str
  state:
    description: Whether the tenant clusters shall exist.
    type: str
    choices: [present, absent]
    default: present
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Look at the fabric
  baremetal.fabric.netris_info:
  register: fabric_now

- name: Plan tenant cluster blue
  baremetal.fabric.fabric_plan:
    info: "{{ fabric_now }}"
    tenant_clusters: [blue]
  register: planned

- name: Carry the plan out
  baremetal.fabric.netris_document:
    document: "{{ planned.document }}"
"""

RETURN = r"""
document:
  description:
    - What M(baremetal.fabric.netris_document) has to bring about. Empty for several O(servers) at once.
  returned: success
  type: dict
summary:
  description: The plan in sentences.
  returned: success
  type: list
  elements: str
  sample:
    - "tenant cluster blue: to be created"
    - "  tagged: shared1, shared2, shared3"
    - "    enters: shared1, shared2, shared3"
    - "  untagged: metal1"
    - "    enters: metal1"
    - "capacity: room for 62 more tenant clusters (VLAN ids left: 90, child subnets left: 62) after this play"
moves:
  description: By server, C(source) and C(target), empty for parking, and whether a move is C(needed).
  returned: with O(servers)
  type: dict
  sample:
    metal1: {server: metal1, source: blue, target: green, needed: true}
capacity:
  description: How many more tenant clusters fit when the plan is carried out.
  returned: success
  type: dict
  contains:
    tenant_clusters:
      description: How many more tenant clusters fit.
      type: int
    vlan_ids:
      description: VLAN ids that the site still has to give away; null when the controller does not tell.
      type: int
    subnets:
      description: Child subnets that the tenants' supernet still has.
      type: int
problems:
  description: What stands against the plan.
  returned: failure
  type: list
  elements: dict
  sample:
    - path: metal1.fabric_tenant_cluster
      message: "server 'metal1' is held by 'green', so 'blue' cannot have it; release it there first"
"""

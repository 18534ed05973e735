#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Documentation of the action plugin of the same name; nothing here ever runs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: intent
short_description: Check the inventory's intent and return it as one model
version_added: 0.1.0
description:
  - Reads the variables of the groups C(tenant_clusters), C(shared_servers), C(bare_metal) and, where there are such,
    C(vm_nodes) and C(shared_node_clusters), checks them and fills in every default. The variables are described by the
    JSON Schemas in C(schemas/) of the collection.
  - All mistakes are reported at once, each with the place where it can be mended. The whole inventory is checked, also
    what the play is not about.
  - Works out which hosts a play about some tenant clusters needs, and refuses a C(--limit) that leaves some of them
    out.
  - Talks to nothing, sets no facts and changes nothing.
extends_documentation_fragment:
  - baremetal.fabric.modes.action
  - baremetal.fabric.modes.read_only
options:
  tenant_clusters:
    description:
      - Tenant clusters that the play is about, as a list or as text with commas.
      - Empty means every tenant cluster among O(play_hosts), unless O(all_by_default) is V(false).
    type: raw
    default: []
  variable:
    description: Name of the variable that O(tenant_clusters) comes from, for messages.
    type: str
    default: fabric_tenants
  all_by_default:
    description: Whether an empty O(tenant_clusters) means all; V(false) makes it a mistake.
    type: bool
    default: true
  host_cluster:
    description: Whether the play is about the host cluster, which needs all shared servers.
    type: bool
    default: false
  servers:
    description:
      - Bare-metal servers that the play is about, as a list or as text with commas, instead of O(tenant_clusters). An
        empty list is a mistake.
    type: raw
  servers_variable:
    description: Name of the variable that O(servers) comes from, for messages.
    type: str
    default: fabric_server
  any_server:
    description: Whether O(servers) may name shared servers as well; an empty list then means all servers of the play.
    type: bool
    default: false
  unreachable:
    description: Bare-metal servers that are known not to answer, as a list or as text with commas.
    type: raw
    default: []
  play_hosts:
    description:
      - Hosts that the play can reach, usually RV(ignore:ansible_play_hosts_all).
      - By default everything in the inventory.
    type: list
    elements: str
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Check the intent
  baremetal.fabric.intent:
    tenant_clusters: "{{ fabric_tenants | default([]) }}"
    play_hosts: "{{ ansible_play_hosts_all }}"
  register: checked
  run_once: true

- name: Show who is in tenant cluster blue
  ansible.builtin.debug:
    msg: "{{ checked.model.tenant_clusters.blue.bare_metal }}"
"""

RETURN = r"""
model:
  description:
    - The intent with every default filled in and every reference resolved.
    - C(fabric), C(host_cluster), and by inventory name C(shared_servers), C(bare_metal), C(vm_nodes),
      C(tenant_clusters) and C(shared_node_clusters).
  returned: success
  type: dict
  sample:
    tenant_clusters:
      blue:
        name: blue
        netris_name: blue
        shared_servers: [shared1, shared2, shared3]
        bare_metal: [metal1]
        vm_nodes: [blue-vm1]
        replicas: 1
        pod_cidr: 10.244.0.0/16
        service_cidr: 10.96.0.0/16
        api_port: 443
        namespace: vcluster-blue
        network_namespace: vcluster-blue-networks
targets:
  description: What the play is about and the hosts that it needs.
  returned: success
  type: dict
  contains:
    tenant_clusters:
      description: Inventory names of the tenant clusters with servers of their own.
      type: list
      elements: str
    shared_node_clusters:
      description: Inventory names of the tenant clusters that the host cluster's nodes run.
      type: list
      elements: str
    shared_servers:
      description: Shared servers that they reach.
      type: list
      elements: str
    bare_metal:
      description: Bare-metal servers that belong to them.
      type: list
      elements: str
    vm_nodes:
      description: Virtual machines that are nodes of them.
      type: list
      elements: str
    unreachable:
      description: Bare-metal servers that are known not to answer.
      type: list
      elements: str
    host_kubeconfig:
      description: kubeconfig by which the host cluster is asked about all of the tenant clusters at once.
      type: str
    hosts:
      description: Tenant clusters, shared servers and bare-metal servers together.
      type: list
      elements: str
problems:
  description: What is wrong with the intent.
  returned: failure
  type: list
  elements: dict
  sample:
    - path: metal1.fabric_tenant_cluster
      message: "no tenant cluster 'bleu'; known: blue, green"
"""

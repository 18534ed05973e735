#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: host_bridge
short_description: Have an operator of the host cluster make a tenant cluster's bridge on the nodes
version_added: 0.1.0
description:
  - Tells kubernetes-nmstate (a NodeNetworkConfigurationPolicy) or bridge-operator (a BridgeConfiguration) to make the
    VLAN device and the bridge of a tenant cluster, and waits until that is done on every node of O(nodes).
  - With nmstate, the NodeNetworkConfigurationEnactments of the policy's newest generation are waited for. A policy that
    a node refuses is deleted again, which changes nothing on the nodes; the failure carries the last conditions.
  - Removal begins with a policy that has the devices absent, since deleting one leaves them where they are, and is over
    when the operator has nothing left. Objects without this collection's mark are never touched.
  - Runs on the machine that runs Ansible. M(baremetal.fabric.host_network) keeps the bridge apart from its server.
extends_documentation_fragment:
  - baremetal.fabric.kube
attributes:
  check_mode:
    support: full
    description: The API server is asked for a dry run. What it does not serve yet is reported as to be created.
  diff_mode:
    support: full
    description: Shows the operator's object.
options:
  backend:
    description: Which operator.
    type: str
    choices: [nmstate, bridge_operator]
    required: true
  name:
    description: Name of the tenant cluster.
    type: str
    required: true
  state:
    description: Whether the operator shall make the devices.
    type: str
    choices: [present, absent]
    default: present
  keep_devices:
    description: With O(state=absent), leave the devices of nmstate where they are, since somebody else has them now.
    type: bool
    default: false
  vlan_id:
    description: VLAN id. May be unknown in check mode. Not needed for removal.
    type: int
  link:
    description: The device that carries the VLAN.
    type: str
    default: bond0
  bridge:
    description: Name of the bridge, V(br-vlan-) and the VLAN id by default.
    type: str
  mtu:
    description: MTU of both devices. bridge-operator has no such field, its devices take the one of O(link).
    type: int
  nodes:
    description: Names of the nodes that are waited for. Which nodes nmstate works on is said by their label
      C(vlan.baremetal.fabric/<name>).
    type: list
    elements: str
    default: []
  max_unavailable:
    description: How many nodes (a number, or a percentage) nmstate may work on at a time. Its default is half of them.
    type: str
  wait_timeout:
    description: Seconds to wait for all nodes.
    type: int
    default: 300
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Have nmstate make the bridge of blue
  baremetal.fabric.host_bridge:
    kubeconfig: /etc/fabric/host.kubeconfig
    backend: nmstate
    name: blue
    vlan_id: 3
    nodes: [shared1, shared2, shared3]

- name: Remove it
  baremetal.fabric.host_bridge:
    kubeconfig: /etc/fabric/host.kubeconfig
    backend: nmstate
    name: blue
    state: absent
"""

RETURN = r"""
objects:
  description: What was done, or would be done, with each object, in the order of doing.
  type: list
  elements: dict
  returned: success
  contains:
    api_version:
      description: API version of the object.
      type: str
    kind:
      description: Kind of the object.
      type: str
    namespace:
      description: Always null, these objects have no namespace.
      type: str
    name:
      description: Name of the object.
      type: str
    action:
      description: One of V(created), V(updated), V(unchanged), V(deleted) and V(absent).
      type: str
    note:
      description: Why the plan could not be asked of the API server.
      type: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import bridges, objects
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import module as kube_module
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.bridges import IN_CLUSTER
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import KubeError


def argument_spec() -> dict[str, Any]:
    return {
        **kube_module.host_options(),
        "backend": {"type": "str", "choices": list(IN_CLUSTER), "required": True},
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "keep_devices": {"type": "bool", "default": False},
        "vlan_id": {"type": "int"},
        "link": {"type": "str", "default": "bond0"},
        "bridge": {"type": "str"},
        "mtu": {"type": "int"},
        "nodes": {"type": "list", "elements": "str", "default": []},
        "max_unavailable": {"type": "str"},
        "wait_timeout": {"type": "int", "default": 300},
    }


def order_of(params: dict[str, Any], check_mode: bool) -> bridges.Order:
    vlan_id = params["vlan_id"]
    if params["state"] == "present" and not check_mode:
        if vlan_id is None:
            raise KubeError(f"vlan_id: the VLAN id of tenant cluster '{params['name']}' is not known")
        if not params["nodes"]:
            raise KubeError("nodes: name at least one node, or nobody would be waited for")
    if vlan_id is not None and not 1 <= vlan_id <= 4094:
        raise KubeError(f"vlan_id: {vlan_id} is not a VLAN id (1 to 4094)")
    return bridges.Order(
        tenant=params["name"],
        link=params["link"],
        vlan_id=vlan_id,
        bridge=params["bridge"] or (None if vlan_id is None else f"br-vlan-{vlan_id}"),
        nodes=tuple(sorted(params["nodes"])),
        mtu=params["mtu"],
        max_unavailable=params["max_unavailable"],
    )


def work(module: kube_module.Call) -> dict[str, Any]:
    params = module.params
    order = order_of(params, module.check_mode)
    settings = bridges.settings_of(module.check_mode, params["wait_timeout"])

    def ask() -> dict[str, Any]:
        with kube_module.open_cluster(params) as cluster:
            if params["state"] == "present":
                report = bridges.present(cluster, params["backend"], order, settings)
            else:
                remove = not params["keep_devices"]
                report = bridges.absent(cluster, params["backend"], params["name"], remove, settings)
            return report.as_result()

    def plan(reason: str) -> dict[str, Any]:
        documents = [bridges.document_of(params["backend"], order)] if params["state"] == "present" else []
        return objects.plan_without_cluster(documents, params["state"], reason).as_result()

    return kube_module.unless_missing(ask, module, plan)


def main() -> None:
    kube_module.run(AnsibleModule(argument_spec(), supports_check_mode=True), work)


if __name__ == "__main__":
    main()

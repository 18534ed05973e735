#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: tenant_node
short_description: Wait for a node of a tenant cluster, or take it out
version_added: 0.1.0
description:
  - Waits until a node is Ready and has its address in the tenant cluster's subnet, or closes, drains and deletes it.
  - Nothing is done on the machine itself.
extends_documentation_fragment:
  - baremetal.fabric.kube
  - baremetal.fabric.kube.tenant_required
attributes:
  check_mode:
    support: full
    description: Only tells whether there is something to do.
  diff_mode:
    support: none
    description: A node is no document of the user's.
options:
  name:
    description: Name of the node.
    type: str
    required: true
  state:
    description: What the node shall be.
    type: str
    choices: [ready, absent]
    default: ready
  subnet:
    description:
      - With O(state=ready), the node's internal address must be in this subnet. A node with another one would be
        reached, or not, outside of the tenant cluster's VLAN.
    type: str
  wait_timeout:
    description: Seconds to wait for the node to become Ready.
    type: int
    default: 300
  drain:
    description: With O(state=absent), evict the node's pods before.
    type: bool
    default: true
  drain_timeout:
    description: Seconds that the pods may take.
    type: int
    default: 300
  drain_force:
    description:
      - Go on when pods have not left in time, removing them from the API without the kubelet's confirmation. Always the
        case for a node whose kubelet has stopped reporting.
    type: bool
    default: false
  allow_unreachable:
    description:
      - With O(state=absent), take a tenant cluster whose API cannot be reached for one without the node. One without
        any control plane always is.
    type: bool
    default: false
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Wait for metal1
  baremetal.fabric.tenant_node:
    kubeconfig: /etc/fabric/host.kubeconfig
    tenant:
      name: blue
    name: metal1
    subnet: 192.168.64.0/22

- name: Take metal1 out
  baremetal.fabric.tenant_node:
    kubeconfig: /etc/fabric/host.kubeconfig
    tenant:
      name: blue
    name: metal1
    state: absent
"""

RETURN = r"""
node:
  description: What is known of the node.
  type: dict
  returned: when there is one
  contains:
    state:
      description: V(Ready), or why not.
      type: str
    addresses:
      description: Internal addresses.
      type: list
      elements: str
    version:
      description: Version of its kubelet.
      type: str
evicted:
  description: Pods that were evicted.
  type: list
  elements: str
  returned: with O(state=absent)
reachable:
  description: Whether the tenant cluster's API answered.
  type: bool
  returned: success
"""

import ipaddress
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import drain, evidence, readiness
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import module as kube_module
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster, Document
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import (
    Gone,
    KubeError,
    Unreachable,
    WaitTimeout,
)


def argument_spec() -> dict[str, Any]:
    options = kube_module.connection_options()
    options["tenant"]["required"] = True
    return {
        **options,
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["ready", "absent"], "default": "ready"},
        "subnet": {"type": "str"},
        "wait_timeout": {"type": "int", "default": 300},
        "drain": {"type": "bool", "default": True},
        "drain_timeout": {"type": "int", "default": 300},
        "drain_force": {"type": "bool", "default": False},
        "allow_unreachable": {"type": "bool", "default": False},
    }


def describe(node: Document | None) -> dict[str, Any]:
    if node is None:
        return {}
    version = ((node.get("status") or {}).get("nodeInfo") or {}).get("kubeletVersion")
    facts = {
        "state": readiness.node_state(node),
        "addresses": drain.internal_addresses(node),
        "version": version,
    }
    return {"node": facts}


def await_ready(cluster: Cluster, params: dict[str, Any]) -> Document:
    name, deadline = params["name"], time.monotonic() + params["wait_timeout"]
    while True:
        node = cluster.get("v1", "Node", name)
        if node is not None and readiness.judge(node).ready:
            return node
        if time.monotonic() >= deadline:
            if node is None:
                raise WaitTimeout(f"no node {name} has registered within {params['wait_timeout']} s")
            raise WaitTimeout(f"not Ready within {params['wait_timeout']} s:\n{evidence.collect(cluster, node)}")
        time.sleep(2)


def check_address(node: Document, subnet: str | None) -> None:
    if not subnet:
        return
    network = ipaddress.ip_network(subnet)
    addresses = drain.internal_addresses(node)
    if not any(ipaddress.ip_address(address) in network for address in addresses):
        raise KubeError(
            f"node {node['metadata']['name']} is Ready but reports the internal address "
            f"{', '.join(addresses) or '(none)'} instead of one in {subnet}"
        )


def ready(module: AnsibleModule) -> dict[str, Any]:
    with kube_module.open_cluster(module.params) as cluster:
        if module.check_mode:
            return {"changed": False, "reachable": True, **describe(cluster.get("v1", "Node", module.params["name"]))}
        node = await_ready(cluster, module.params)
    check_address(node, module.params["subnet"])
    return {"changed": False, "reachable": True, **describe(node)}


def absent(module: AnsibleModule) -> dict[str, Any]:
    params = module.params
    with kube_module.open_cluster(params) as cluster:
        node = cluster.get("v1", "Node", params["name"])
        result = {"changed": node is not None, "reachable": True, "evicted": [], **describe(node)}
        if node is None or module.check_mode:
            return result
        drain.cordon(cluster, params["name"])
        if params["drain"]:
            silent = not drain.heard_of(node)
            limits = drain.Limits(
                timeout=0 if silent else params["drain_timeout"], force=silent or params["drain_force"]
            )
            result["evicted"] = drain.drain(cluster, params["name"], limits)
        cluster.delete("v1", "Node", params["name"], propagation="Background", uid=node["metadata"]["uid"])
    return result


def work(module: AnsibleModule) -> dict[str, Any]:
    nothing = {"changed": False, "reachable": False, "evicted": []}
    if module.params["state"] == "ready":
        return kube_module.unless_missing(lambda: ready(module), module, lambda _: nothing)
    try:
        return absent(module)
    except Gone:
        return nothing  # with its control plane, a tenant cluster's nodes are gone as well
    except Unreachable:
        if module.check_mode or module.params["allow_unreachable"]:
            return nothing
        raise


def main() -> None:
    kube_module.run(AnsibleModule(argument_spec(), supports_check_mode=True), work)


if __name__ == "__main__":
    main()

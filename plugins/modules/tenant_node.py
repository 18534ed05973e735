#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: tenant_node
short_description: Wait for a node of a tenant cluster, mark it, empty it, or take it out
version_added: 0.1.0
description:
  - Waits until a node is Ready and has its address in the tenant cluster's subnet, and gives it labels and taints; or
    closes and drains it, or deletes it after that.
  - Nothing is done on the machine itself.
extends_documentation_fragment:
  - baremetal.fabric.kube
  - baremetal.fabric.kube.tenant_required
attributes:
  check_mode:
    support: full
    description: Only tells whether there is something to do.
  diff_mode:
    support: full
    description: Shows the labels, the taints, and whether the node is open to new pods.
options:
  name:
    description: Name of the node.
    type: str
    required: true
  state:
    description:
      - What the node shall be. A node that was closed to new pods by V(drained), or by a V(absent) that did not come to
        its end, is opened again by V(ready). One that somebody else has closed stays closed.
    type: str
    choices: [ready, drained, absent]
    default: ready
  labels:
    description:
      - With O(state=ready), labels that the node shall have. They are set as soon as it has registered.
      - Which of its labels and taints were set by this module is noted in an annotation of the node, so that those that
        are not given any more are removed, and others' stay.
      - Labels and taints are left alone when neither of O(labels) and O(taints) is given.
    type: dict
  taints:
    description: With O(state=ready), taints that the node shall have.
    type: list
    elements: dict
    suboptions:
      key:
        description: Its key.
        type: str
        required: true
      value:
        description: Its value.
        type: str
      effect:
        description: What it does to pods that do not tolerate it.
        type: str
        choices: [NoSchedule, PreferNoSchedule, NoExecute]
        required: true
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
    labels:
      example.com/rack: r7
    taints:
      - key: example.com/gpu
        effect: NoSchedule

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
  returned: with O(state=absent) and O(state=drained)
reachable:
  description: Whether the tenant cluster's API answered.
  type: bool
  returned: success
"""

import ipaddress
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import compare, drain, evidence, marks, readiness
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import module as kube_module
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster, Document
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import (
    Gone,
    KubeError,
    Unreachable,
    WaitTimeout,
)

_CONFLICT = 409
_ATTEMPTS = 5


def argument_spec() -> dict[str, Any]:
    options = kube_module.connection_options()
    options["tenant"]["required"] = True
    taint = {
        "key": {"type": "str", "required": True, "no_log": False},
        "value": {"type": "str"},
        "effect": {"type": "str", "choices": ["NoSchedule", "PreferNoSchedule", "NoExecute"], "required": True},
    }
    return {
        **options,
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["ready", "drained", "absent"], "default": "ready"},
        "labels": {"type": "dict"},
        "taints": {"type": "list", "elements": "dict", "options": taint},
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


def mark(cluster: Cluster, node: Document, params: dict[str, Any], dry_run: bool = False) -> dict[str, Any]:
    """Gives the node its labels and taints, and says what that changed. Others write nodes too, all the time."""
    if params["labels"] is None and params["taints"] is None:
        return {}
    name = params["name"]
    for _attempt in range(_ATTEMPTS):
        patch = marks.change(node, params["labels"] or {}, params["taints"] or [])
        if not patch:
            return {}
        try:
            after = cluster.merge("v1", "Node", name, patch, dry_run=dry_run)
        except KubeError as error:
            fresh = cluster.get("v1", "Node", name) if error.status == _CONFLICT else None
            if fresh is None:
                raise
            node = fresh
            continue
        texts = [compare.as_text(marks.shown(each)) for each in (node, after)]
        diff = {"before_header": f"Node {name}", "after_header": f"Node {name}", "before": texts[0], "after": texts[1]}
        return {"changed": True, "diff": diff}
    raise KubeError(f"node {name} is written by others faster than its labels and taints can be set; try again")


def await_ready(cluster: Cluster, params: dict[str, Any]) -> tuple[Document, dict[str, Any]]:
    """The node, once it is Ready, and what was changed on it. It is marked before that: pods come when it is."""
    name, deadline = params["name"], time.monotonic() + params["wait_timeout"]
    changes: dict[str, Any] = {}
    marked = False
    while True:
        node = cluster.get("v1", "Node", name)
        if node is not None and not marked:
            changes, marked = mark(cluster, node, params), True
        if node is not None and readiness.judge(node).ready:
            return node, changes
        if time.monotonic() >= deadline:
            text = f"no node {name} has registered"
            if node is not None:
                text = f"not Ready:\n{evidence.collect(cluster, node)}"
            error = WaitTimeout(text)
            error.result = changes
            raise error
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


def ready(module: kube_module.Call) -> dict[str, Any]:
    params = module.params
    with kube_module.open_cluster(params) as cluster:
        if module.check_mode:
            found = cluster.get("v1", "Node", params["name"])
            changes = mark(cluster, found, params, dry_run=True) if found else {}
            return {"changed": False, "reachable": True, **describe(found), **changes}
        node, changes = await_ready(cluster, params)
    check_address(node, params["subnet"])
    return {"changed": False, "reachable": True, **describe(node), **changes}


def leaving(module: kube_module.Call) -> dict[str, Any]:
    """Closes and empties the node and, unless it only shall be drained, deletes it."""
    params = module.params
    deleting = params["state"] == "absent"
    with kube_module.open_cluster(params) as cluster:
        node = cluster.get("v1", "Node", params["name"])
        if node is None and not deleting:
            raise KubeError(f"tenant cluster {params['tenant']['name']} has no node {params['name']} to drain")
        result = {"changed": deleting and node is not None, "reachable": True, "evicted": [], **describe(node)}
        if node is None:
            return result
        if module.check_mode:
            return {**result, "changed": deleting or not drain.closed(node)}
        closed = drain.cordon(cluster, params["name"])
        if params["drain"]:
            silent = not drain.heard_of(node)
            limits = drain.Limits(
                timeout=0 if silent else params["drain_timeout"], force=silent or params["drain_force"]
            )
            result["evicted"] = drain.drain(cluster, params["name"], limits)
        if deleting:
            cluster.delete("v1", "Node", params["name"], propagation="Background", uid=node["metadata"]["uid"])
    return {**result, "changed": deleting or closed or bool(result["evicted"])}


def work(module: kube_module.Call) -> dict[str, Any]:
    nothing = {"changed": False, "reachable": False, "evicted": []}
    if module.params["state"] == "ready":
        return kube_module.unless_missing(lambda: ready(module), module, lambda _: nothing)
    try:
        return leaving(module)
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

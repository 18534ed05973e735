#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: node_labels
short_description: Set or remove labels on the host cluster's nodes, in one call
version_added: 0.1.0
description:
  - Sets or removes labels on nodes by merge patches, and only where they differ. Other labels are left alone.
  - Never makes a node. One that is named but does not exist is a failure.
  - Runs on the machine that runs Ansible.
extends_documentation_fragment:
  - baremetal.fabric.kube
  - baremetal.fabric.kube.tenant
attributes:
  check_mode:
    support: full
    description: Without a kubeconfig or an API yet, all labels are reported as to be set.
  diff_mode:
    support: full
    description: Shows the labels in question of each node.
options:
  nodes:
    description: Names of the nodes. All nodes when not given.
    type: list
    elements: str
  labels:
    description: The labels.
    type: dict
    required: true
  state:
    description: Whether the labels shall be there. For removal, their values do not matter.
    type: str
    choices: [present, absent]
    default: present
  exclusive:
    description: Take these labels off all nodes that are not among O(nodes).
    type: bool
    default: false
  allow_forbidden:
    description:
      - Leave nodes as they are when the API server forbids to look at them, and say in RV(not_checked) and in a warning
        which labels they should have. For credentials of some namespaces of the host cluster.
      - With O(state=absent) also when it forbids to change them.
    type: bool
    default: false
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Mark the nodes that carry the bridge of tenant cluster blue
  baremetal.fabric.node_labels:
    kubeconfig: /etc/fabric/host.kubeconfig
    nodes: [shared1, shared2, shared3]
    labels:
      tenant.baremetal.fabric/blue: bridge

- name: Remove the mark from all of them
  baremetal.fabric.node_labels:
    kubeconfig: /etc/fabric/host.kubeconfig
    labels:
      tenant.baremetal.fabric/blue: bridge
    state: absent
"""

RETURN = r"""
nodes:
  description: Names of the nodes whose labels were, or would be, changed.
  type: list
  elements: str
  returned: success
not_checked:
  description: What was left undone because the API server forbids it, with the right that it needs.
  type: list
  elements: str
  returned: success
  sample: ["not checked: label example.com/blue=bridge on nodes shared1, shared2; needs list on nodes cluster-wide"]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._host_cluster.labels import (
    LabelChange,
    label_changes,
    missing_nodes,
)
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import module as kube_module
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import KubeError
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.refusals import Refusals


def argument_spec() -> dict[str, Any]:
    return {
        **kube_module.connection_options(),
        **kube_module.forbidden_options(),
        "nodes": {"type": "list", "elements": "str"},
        "labels": {"type": "dict", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "exclusive": {"type": "bool", "default": False},
    }


def subject(params: dict[str, Any]) -> str:
    """The labels and where they belong, in a few words."""
    labels = ", ".join(f"{key}={value}" for key, value in sorted(params["labels"].items()))
    nodes = f"nodes {', '.join(params['nodes'])}" if params["nodes"] else "any node"
    return f"label {labels} on {nodes}"


def result(changes: list[LabelChange], note: str = "", not_checked: list[str] | None = None) -> dict[str, Any]:
    diff = [{"before_header": c.node, "after_header": c.node, "before": c.before, "after": c.after} for c in changes]
    found: dict[str, Any] = {"changed": bool(changes), "nodes": [change.node for change in changes], "diff": diff}
    found["not_checked"] = not_checked or []
    return {**found, "note": note} if note else found


def work(module: kube_module.Call) -> dict[str, Any]:
    params = module.params
    present = params["state"] == "present"
    wanted = {key: str(value) if present else None for key, value in params["labels"].items()}

    def bring(cluster: Cluster, nodes: list[dict[str, Any]]) -> list[LabelChange]:
        missing = missing_nodes(nodes, params["nodes"] or []) if present else []
        if missing and not module.check_mode:
            raise KubeError(f"the cluster has no node {', '.join(missing)}")
        changes = label_changes(nodes, params["nodes"], wanted, params["exclusive"])
        for change in changes:
            cluster.merge("v1", "Node", change.node, change.patch, dry_run=module.check_mode)
        return changes + [LabelChange(name, {}, params["labels"]) for name in missing]

    def ask() -> dict[str, Any]:
        refusals = Refusals(params["allow_forbidden"])
        nothing: list[LabelChange] = []
        with kube_module.open_cluster(params) as cluster:
            nodes = refusals.ask(subject(params), lambda: cluster.list("v1", "Node"), None)
            if nodes is None:
                changes = nothing
            elif present:
                # That they are missing is known; a play that went on would wait for pods that no node takes.
                changes = bring(cluster, nodes)
            else:
                changes = refusals.ask(subject(params), lambda: bring(cluster, nodes), nothing)
        return result(changes, not_checked=refusals.notes)

    def plan(reason: str) -> dict[str, Any]:
        if not present:
            return result([], reason)
        return result([LabelChange(name, {}, params["labels"]) for name in params["nodes"] or []], reason)

    return kube_module.unless_missing(ask, module, plan)


def main() -> None:
    kube_module.run(AnsibleModule(argument_spec(), supports_check_mode=True), work)


if __name__ == "__main__":
    main()

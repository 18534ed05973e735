#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: host_cluster_info
short_description: What tenant clusters need to know of the host cluster
version_added: 0.1.0
description:
  - Detects the CNI of the cluster and its settings, lists StorageClasses and nodes. Only reads.
  - A cluster that does not exist yet is no failure in check mode; RV(reachable) is then false.
  - Runs on the machine that runs Ansible.
extends_documentation_fragment:
  - baremetal.fabric.kube
  - baremetal.fabric.kube.tenant
  - baremetal.fabric.kube.forbidden
attributes:
  check_mode:
    support: full
    description: Nothing is changed in either mode.
  diff_mode:
    support: none
    description: Nothing is changed.
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Look at the host cluster
  baremetal.fabric.host_cluster_info:
    kubeconfig: /etc/fabric/host.kubeconfig
  register: host_cluster

- name: Insist on a default StorageClass
  ansible.builtin.assert:
    that: host_cluster.storage.default is not none
    fail_msg: The host cluster has no default StorageClass.
"""

RETURN = r"""
reachable:
  description: Whether the API answered. The other values are null when it did not.
  type: bool
  returned: success
reason:
  description: Why the API did not answer.
  type: str
  returned: when it did not
cni:
  description: The CNI of the cluster.
  type: dict
  returned: success
  contains:
    name:
      description:
        - V(flannel), V(canal), V(calico), V(cilium), the name of another one, or V(bridge) when none is visible.
      type: str
    dataplane:
      description: What forwards packets, for example V(Iptables) or V(eBPF).
      type: str
    encapsulation:
      description: How pods' packets travel between nodes.
      type: list
      elements: str
    namespace:
      description: Namespace of its DaemonSet.
      type: str
    workload:
      description: Name of its DaemonSet.
      type: str
    managed_by:
      description:
        - Who holds its settings. One of V(operator), V(helm), V(helm-controller), V(k3s), V(manifest) and V(nodes).
      type: str
    revision:
      description: Version of the object that holds the settings, where that is known.
      type: str
    settings:
      description: Settings that matter to tenant VLANs.
      type: dict
    changes:
      description: Settings that must be changed for tenant VLANs to work, with the values they need.
      type: dict
    problems:
      description: Why tenant VLANs cannot work with it at all.
      type: list
      elements: str
    notes:
      description: What is good to know.
      type: list
      elements: str
storage:
  description: The StorageClasses.
  type: dict
  returned: success
  contains:
    names:
      description: Names of all of them.
      type: list
      elements: str
    default:
      description: Name of the default one, or null.
      type: str
not_checked:
  description: What the API server forbids to look at, with the right that it needs. The values in question are null.
  type: list
  elements: str
  returned: success
  sample: ["not checked: CNI of the host cluster; needs list on daemonsets.apps cluster-wide"]
nodes:
  description: The nodes.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Name of the node.
      type: str
    ready:
      description: Whether it is Ready.
      type: bool
    version:
      description: Version of its kubelet.
      type: str
    labels:
      description: Its labels.
      type: dict
"""

from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._host_cluster import survey
from ansible_collections.baremetal.fabric.plugins.module_utils._host_cluster.cni import detect
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import module as kube_module
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.refusals import Refusals


def argument_spec() -> dict[str, Any]:
    return {**kube_module.connection_options(), **kube_module.forbidden_options()}


def work(module: kube_module.Call) -> dict[str, Any]:
    nothing: dict[str, Any] = {"changed": False, "cni": None, "storage": None, "nodes": None, "not_checked": []}

    def ask() -> dict[str, Any]:
        refusals = Refusals(module.params["allow_forbidden"])
        found: dict[str, Any] = {**nothing, "reachable": True}
        with kube_module.open_cluster(module.params) as cluster:
            nodes = refusals.ask(
                "nodes of the host cluster and, by them, its CNI", lambda: cluster.list("v1", "Node"), None
            )
            classes = refusals.ask(
                "default StorageClass of the host cluster", lambda: survey.default_storage_classes(cluster), None
            )
            snapshot = refusals.ask("CNI of the host cluster", lambda: survey.take_snapshot(cluster, nodes or []), None)
        if nodes is not None:
            found["nodes"] = [survey.node_summary(node) for node in nodes]
            # Without the nodes a CNI that shows nothing of itself elsewhere would be taken for another.
            found["cni"] = None if snapshot is None else asdict(detect(snapshot))
        if classes is not None:
            names, defaults = classes
            found["storage"] = {"names": names, "default": defaults[0] if defaults else None}
        return {**found, "not_checked": refusals.notes}

    def plan(reason: str) -> dict[str, Any]:
        return {**nothing, "reachable": False, "reason": reason}

    return kube_module.unless_missing(ask, module, plan)


def main() -> None:
    kube_module.run(AnsibleModule(argument_spec(), supports_check_mode=True), work)


if __name__ == "__main__":
    main()

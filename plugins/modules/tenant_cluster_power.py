#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: tenant_cluster_power
short_description: Pause or resume the control plane of a tenant cluster
version_added: 0.1.0
description:
  - Scales the control plane and the load balancer before it to nothing, and back to the replicas that they had. How
    many these were is noted in annotations on the objects, for the control plane in vCluster's own, so that
    C(vcluster resume) works as well.
  - Volumes, Secrets and the VLAN stay. What runs on the tenant cluster's nodes goes on; nothing in it changes while
    there is no API. On shared nodes its pods go, as C(vcluster pause) has it; they come back with the control plane.
  - Runs on the machine that runs Ansible.
extends_documentation_fragment:
  - baremetal.fabric.kube
  - baremetal.fabric.kube.control_plane
attributes:
  check_mode:
    support: full
    description: Only tells what would be scaled.
  diff_mode:
    support: full
    description: Shows the replicas.
options:
  state:
    description: What the control plane shall be.
    type: str
    choices: [running, paused]
    required: true
  load_balancer:
    description: Name of the Deployment in front of it, in the same namespace. It need not exist.
    type: str
    default: apiserver-lb
  replicas:
    description: How many replicas there shall be if nothing tells how many there were.
    type: int
  wait_timeout:
    description: Seconds to wait until the pods are gone, or ready.
    type: int
    default: 300
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Pause blue
  baremetal.fabric.tenant_cluster_power:
    kubeconfig: /etc/fabric/host.kubeconfig
    name: blue
    state: paused
"""

RETURN = r"""
paused:
  description: Whether it was paused before.
  type: bool
  returned: success
pods:
  description: Names of the pods on shared nodes that were, or would be, deleted.
  type: list
  elements: str
  returned: success
replicas:
  description: By object, how many replicas it has, or would have, now.
  type: dict
  returned: success
  sample: {StatefulSet blue: 0, Deployment apiserver-lb: 0}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import (
    compare,
    control_planes,
    pausing,
    tenant_api,
)
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import module as kube_module
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster, Document
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.control_planes import APPS
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.readiness import judge
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.waits import wait_until_none


def argument_spec() -> dict[str, Any]:
    return {
        **kube_module.control_plane_options(),
        "state": {"type": "str", "choices": ["running", "paused"], "required": True},
        "load_balancer": {"type": "str", "default": "apiserver-lb"},
        "replicas": {"type": "int"},
        "wait_timeout": {"type": "int", "default": 300},
    }


def steps(cluster: Cluster, params: dict[str, Any]) -> list[tuple[Document, Document]]:
    """The workloads in the order in which they are scaled, each with its patch: the load balancer goes first."""
    namespace = tenant_api.control_plane_namespace(params["name"], params["namespace"])
    main = control_planes.find(cluster, params["name"], namespace)
    front = cluster.get(APPS, "Deployment", params["load_balancer"], namespace) if params["load_balancer"] else None
    if params["state"] == "paused":
        found = [(main, pausing.pause_patch(main, control_planes.moment(), params["replicas"]))]
        return [*([(front, pausing.companion_pause_patch(front))] if front else []), *found]
    found = [(main, pausing.resume_patch(main, params["replicas"]))]
    return [*found, *([(front, pausing.companion_resume_patch(front))] if front else [])]


def scale(cluster: Cluster, params: dict[str, Any], dry_run: bool) -> tuple[list[Document], dict[str, Any]]:
    result: dict[str, Any] = {"changed": False, "paused": False, "replicas": {}, "pods": [], "diff": []}
    after = []
    for workload, patch in steps(cluster, params):
        metadata, title = workload["metadata"], f"{workload['kind']} {workload['metadata']['name']}"
        result["paused"] = result["paused"] or pausing.is_paused(workload)
        scaled = workload
        if patch:
            scaled = cluster.merge(
                APPS, workload["kind"], metadata["name"], patch, metadata["namespace"], dry_run=dry_run
            )
            texts = [compare.as_text({"replicas": pausing.replicas(each)}) for each in (workload, scaled)]
            header = {"before_header": title, "after_header": title}
            result["diff"].append({**header, "before": texts[0], "after": texts[1]})
            result["changed"] = True
        result["replicas"][title] = pausing.replicas(scaled)
        after.append(scaled)
    if params["state"] == "paused":
        result["pods"] = sorted(pod["metadata"]["name"] for pod in synced_pods(cluster, params))
        result["changed"] = result["changed"] or bool(result["pods"])
    return after, result


def synced_pods(cluster: Cluster, params: dict[str, Any]) -> list[Document]:
    return control_planes.synced_pods(
        cluster, params["name"], tenant_api.control_plane_namespace(params["name"], params["namespace"])
    )


def settled(workload: Document, state: str) -> bool:
    if state == "paused":
        return not (workload.get("status") or {}).get("replicas")
    return judge(workload).ready


def work(module: kube_module.Call) -> dict[str, Any]:
    params = module.params

    def ask() -> dict[str, Any]:
        with kube_module.open_cluster(params) as cluster:
            workloads, result = scale(cluster, params, module.check_mode)
            if module.check_mode:
                return result
            deadline = time.monotonic() + params["wait_timeout"]

            def unsettled() -> list[Document]:
                current = [
                    cluster.get(APPS, each["kind"], each["metadata"]["name"], each["metadata"]["namespace"]) or each
                    for each in workloads
                ]
                return [each for each in current if not settled(each, params["state"])]

            done = {"changed": result["changed"], "diff": result["diff"]}
            wait_until_none(cluster, unsettled, params["state"], deadline, done)
            if params["state"] == "paused":
                # Not before the control plane is gone, which would make them again.
                for pod in synced_pods(cluster, params):
                    cluster.delete("v1", "Pod", pod["metadata"]["name"], pod["metadata"]["namespace"])
                wait_until_none(cluster, lambda: synced_pods(cluster, params), "gone", deadline, done)
        return result

    nothing = {"changed": False, "paused": False, "replicas": {}, "pods": [], "diff": []}
    return kube_module.unless_missing(ask, module, lambda _reason: nothing)


def main() -> None:
    kube_module.run(AnsibleModule(argument_spec(), supports_check_mode=True), work)


if __name__ == "__main__":
    main()

#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_nodes_info
short_description: The nodes of the host cluster and of tenant clusters
version_added: 0.1.0
description:
  - Reads the nodes of all clusters in one call, so that a server can be told from a node before its disk is written.
  - A cluster that is not there has no nodes. One that is there and cannot be asked is told in RV(unknown), which is no
    failure of the module.
  - Runs on the machine that runs Ansible and changes nothing.
extends_documentation_fragment:
  - baremetal.fabric.modes.read_only
options:
  kubeconfig:
    description:
      - Path of the host cluster's kubeconfig file on the machine that runs the module. It is only read. Where there is
        no such file, there is no host cluster yet.
      - If E(K8S_AUTH_KUBECONFIG) is set it is used when the option is not.
    type: path
    required: true
  context:
    description:
      - Context of the kubeconfig; by default its current one.
      - If E(K8S_AUTH_CONTEXT) is set it is used when the option is not.
    type: str
  tenants:
    description: The tenant clusters to ask.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the tenant cluster.
        type: str
        required: true
      namespace:
        description: Namespace of its control plane. Defaults to C(vcluster-<name>).
        type: str
      backend:
        description: What runs its control plane.
        type: str
        choices: [vcluster, kamaji]
        default: vcluster
requirements:
  - kubernetes >= 28.1.0 (Python library)
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Ask all clusters for their nodes
  baremetal.fabric.cluster_nodes_info:
    kubeconfig: /etc/fabric/host.kubeconfig
    tenants:
      - name: blue
  register: clusters
"""

RETURN = r"""
asked:
  description: Whether there was a kubeconfig file, and so anybody to ask.
  returned: success
  type: bool
  sample: true
nodes:
  description: The nodes.
  returned: success
  type: list
  elements: dict
  sample:
    - {cluster: host cluster, name: shared1, ready: true, system_uuid: 4c4c4544-0039-4210-8052-b4c04f4d3632}
    - {cluster: tenant cluster blue, name: metal1, ready: true, system_uuid: 4c4c4544-0039-4210-8052-b4c04f4d3633}
unknown:
  description: Why a cluster could not be asked, one sentence each.
  returned: success
  type: list
  elements: str
  sample: []
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import client
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import module as kube_module
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import KubeError
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.readiness import is_true
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.tenant_api import (
    control_plane_namespace,
    open_tenant,
)


def argument_spec() -> dict[str, Any]:
    return {
        **kube_module.host_options(),
        "tenants": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "name": {"type": "str", "required": True},
                "namespace": {"type": "str"},
                "backend": {"type": "str", "choices": ["vcluster", "kamaji"], "default": "vcluster"},
            },
        },
    }


def _nodes(cluster: Cluster, name: str) -> list[dict[str, Any]]:
    found = [
        {
            "cluster": name,
            "name": str(node["metadata"]["name"]),
            "ready": is_true(node, "Ready"),
            "system_uuid": str(((node.get("status") or {}).get("nodeInfo") or {}).get("systemUUID") or ""),
        }
        for node in cluster.list("v1", "Node")
    ]
    return sorted(found, key=lambda node: str(node["name"]))


def work(module: kube_module.Call) -> dict[str, Any]:
    params = module.params
    nodes: list[dict[str, Any]] = []
    unknown: list[str] = []
    asked = Path(params["kubeconfig"]).exists()
    if asked:
        try:
            with client.connect(params["kubeconfig"], params.get("context")) as host:
                nodes += _nodes(host, "host cluster")
                for tenant in params["tenants"]:
                    _ask_tenant(host, tenant, nodes, unknown)
        except KubeError as error:
            unknown.append(error.message)
    return {"changed": False, "asked": asked, "nodes": nodes, "unknown": unknown}


def _ask_tenant(host: Cluster, tenant: dict[str, Any], nodes: list[dict[str, Any]], unknown: list[str]) -> None:
    """Its nodes, or why they are unknown. Without a namespace there is no tenant cluster, and nothing is unknown."""
    name = tenant["name"]
    namespace = control_plane_namespace(name, tenant.get("namespace"))
    if host.get("v1", "Namespace", namespace) is None:
        return
    try:
        with open_tenant(host, name, namespace, backend=tenant["backend"]) as cluster:
            nodes += _nodes(cluster, f"tenant cluster {name}")
    except KubeError as error:
        unknown.append(error.message)


def main() -> None:
    kube_module.run(AnsibleModule(argument_spec(), supports_check_mode=True), work)


if __name__ == "__main__":
    main()

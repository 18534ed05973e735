#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: tenant_snapshot
short_description: Write a snapshot of a tenant cluster's state
version_added: 0.1.0
description:
  - Asks the control plane of a tenant cluster for a snapshot of its state and waits until that is written. It is asked
    as vCluster's own command line asks, by objects in its namespace.
  - What the snapshot holds is the state of the API, not what is on volumes of its pods.
  - A snapshot is written whenever this runs. One for the same place that was asked for before and is still being
    written is waited for instead.
  - Runs on the machine that runs Ansible.
extends_documentation_fragment:
  - baremetal.fabric.kube
  - baremetal.fabric.kube.control_plane
  - baremetal.fabric.snapshot
attributes:
  check_mode:
    support: full
    description: Only checks the place, and that there is a control plane.
  diff_mode:
    support: none
    description: A snapshot is no change of anything that there is.
options:
  request:
    description: Name of a request that was made before, to wait for that one.
    type: str
  wait_timeout:
    description: Seconds to wait until the snapshot is written.
    type: int
    default: 600
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Write a snapshot of blue
  baremetal.fabric.tenant_snapshot:
    kubeconfig: /etc/fabric/host.kubeconfig
    name: blue
    url: s3://backups/blue-2026-11-22
    credentials:
      access_key_id: "{{ vault_backup_key }}"
      secret_access_key: "{{ vault_backup_secret }}"
      region: eu-central-1
"""

RETURN = r"""
request:
  description: Name of the request, under which the control plane tells of it for a day.
  type: str
  returned: when it was made
url:
  description: Where the snapshot is.
  type: str
  returned: success
"""

import time
import uuid
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import control_planes, snapshots, tenant_api
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import module as kube_module
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster, Document
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import Gone, KubeError, WaitTimeout
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.snapshot_options import snapshot_options


def argument_spec() -> dict[str, Any]:
    return {
        **kube_module.control_plane_options(),
        **snapshot_options(),
        "request": {"type": "str"},
        "wait_timeout": {"type": "int", "default": 600},
    }


def ask(cluster: Cluster, params: dict[str, Any], namespace: str) -> str:
    """The name of the request to wait for."""
    listed = cluster.list("v1", "ConfigMap", namespace, labels=snapshots.REQUEST_LABEL)
    under_way = snapshots.unfinished(listed, params["url"])
    if under_way:
        return under_way
    name = f"{params['name']}-snapshot-request-{uuid.uuid4().hex[:6]}"
    now = control_planes.moment()
    tenant, url = params["name"], params["url"]
    # The Secret first: the control plane reads it as soon as it sees the other.
    cluster.create(snapshots.request_secret(name, namespace, tenant, url, params["credentials"]))
    cluster.create(snapshots.request_config_map(name, namespace, tenant, url, now))
    return name


def wait(cluster: Cluster, name: str, namespace: str, timeout: int) -> None:
    deadline = time.monotonic() + timeout
    while True:
        found = cluster.get("v1", "ConfigMap", name, namespace)
        if found is None:
            raise Gone(f"the request {namespace}/{name} for a snapshot is gone; nobody has said what became of it")
        request = snapshots.request_of(found)
        phase = snapshots.phase_of(request)
        if phase == snapshots.COMPLETED:
            return
        if phase in snapshots.FAILED:
            raise KubeError(f"the snapshot ended as {phase}: {snapshots.error_of(request)}")
        if time.monotonic() >= deadline:
            raise late(found, phase)
        time.sleep(1)


def late(config_map: Document, phase: str) -> WaitTimeout:
    name, namespace = config_map["metadata"]["name"], config_map["metadata"]["namespace"]
    told = f"is in phase {phase}" if phase else "was not taken up; it takes a control plane that runs"
    error = WaitTimeout(f"no snapshot in time:\nrequest {namespace}/{name} {told}")
    error.result = {"changed": True, "request": name}
    return error


def work(module: kube_module.Call) -> dict[str, Any]:
    params = module.params
    namespace = tenant_api.control_plane_namespace(params["name"], params["namespace"])
    # a place that vCluster would refuse is refused before anything is touched
    snapshots.options(params["url"], params["credentials"])

    def write() -> dict[str, Any]:
        with kube_module.open_cluster(params) as cluster:
            if not cluster.list("v1", "Pod", namespace, labels=f"app=vcluster,release={params['name']}"):
                raise Gone(f"tenant cluster {params['name']} has no control plane in namespace {namespace} that runs")
            if module.check_mode:
                return {"changed": True, "url": params["url"]}
            name = params["request"] or ask(cluster, params, namespace)
            wait(cluster, name, namespace, params["wait_timeout"])
        return {"changed": True, "url": params["url"], "request": name}

    return kube_module.unless_missing(write, module, lambda _reason: {"changed": True, "url": params["url"]})


def main() -> None:
    kube_module.run(AnsibleModule(argument_spec(), supports_check_mode=True), work)


if __name__ == "__main__":
    main()

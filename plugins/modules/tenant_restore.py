#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: tenant_restore
short_description: Bring a tenant cluster back to a snapshot
version_added: 0.1.0
description:
  - Stops the control plane of a tenant cluster, writes the state of a snapshot into its store and starts it again, as
    vCluster's own command line does. What the tenant cluster was since is lost.
  - With embedded etcd the volumes of all members but the first are removed; the members come back with empty ones.
  - If the snapshot cannot be written the control plane is started again as it was, and the end of the log is shown.
  - A run that was interrupted is finished by the next one for the same snapshot.
  - Nothing is done about the nodes. Those that joined since are not known any more and have to join again.
  - Runs on the machine that runs Ansible.
extends_documentation_fragment:
  - baremetal.fabric.kube
  - baremetal.fabric.kube.control_plane
  - baremetal.fabric.snapshot
attributes:
  check_mode:
    support: full
    description: Only tells which volumes would be removed.
  diff_mode:
    support: full
    description: Shows the volumes.
options:
  replicas:
    description: How many replicas there shall be if nothing tells how many there were.
    type: int
  wait_timeout:
    description: Seconds until the snapshot must be written into the store.
    type: int
    default: 600
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Bring blue back to how it was
  baremetal.fabric.tenant_restore:
    kubeconfig: /etc/fabric/host.kubeconfig
    name: blue
    url: s3://backups/blue-2026-11-22
    credentials:
      access_key_id: "{{ vault_backup_key }}"
      secret_access_key: "{{ vault_backup_secret }}"
"""

RETURN = r"""
volumes:
  description: Names of the volumes that were, or would be, removed.
  type: list
  elements: str
  returned: success
url:
  description: Where the snapshot is.
  type: str
  returned: success
"""

import time
from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import (
    control_planes,
    pausing,
    restoring,
    snapshots,
    tenant_api,
)
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import module as kube_module
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster, Document
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import KubeError
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.snapshot_options import snapshot_options
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.waits import wait_until_none

_LOG_LINES = 20


def argument_spec() -> dict[str, Any]:
    return {
        **kube_module.control_plane_options(),
        **snapshot_options(),
        "replicas": {"type": "int"},
        "wait_timeout": {"type": "int", "default": 600},
    }


class Restore:
    """One control plane on its way back to one snapshot; every step finds what an earlier run has done."""

    def __init__(self, cluster: Cluster, params: dict[str, Any]) -> None:
        self.cluster, self.params = cluster, params
        self.name = str(params["name"])
        self.namespace = tenant_api.control_plane_namespace(self.name, params["namespace"])
        self.deadline = time.monotonic() + params["wait_timeout"]
        self.plane = control_planes.find(cluster, self.name, self.namespace)

    def claims(self) -> list[Document]:
        labels = f"app=vcluster,release={self.name}"
        return self.cluster.list("v1", "PersistentVolumeClaim", self.namespace, labels=labels)

    def surplus(self) -> list[str]:
        return restoring.surplus_volumes(self.plane, self.claims())

    def run(self) -> None:
        pod = self.cluster.get("v1", "Pod", restoring.pod_name(self.name), self.namespace)
        if pod and (pod["metadata"].get("annotations") or {}).get(restoring.URL_ANNOTATION) != self.params["url"]:
            self.remove_pod()
            pod = None
        self.stop()
        if pod is None:
            self.write()
        self.finish()

    def stop(self) -> None:
        patch = restoring.begin_patch(self.plane, control_planes.moment(), self.params["replicas"])
        if patch:
            self.patch(patch)
        self.wait(lambda: [each for each in [self.current()] if (each.get("status") or {}).get("replicas")])
        for pod in control_planes.synced_pods(self.cluster, self.name, self.namespace):
            self.cluster.delete("v1", "Pod", pod["metadata"]["name"], self.namespace)
        self.wait(lambda: control_planes.synced_pods(self.cluster, self.name, self.namespace))

    def write(self) -> None:
        for name in self.surplus():
            self.cluster.delete("v1", "PersistentVolumeClaim", name, self.namespace)
        self.wait(lambda: [each for each in self.claims() if each["metadata"]["name"] in self.surplus()])
        for claim in restoring.first_volumes(self.plane, self.claims()):
            self.cluster.create(claim)
        secret = restoring.pod_name(self.name)
        text = snapshots.storage_options(self.params["url"], self.params["credentials"])
        self.cluster.delete("v1", "Secret", secret, self.namespace)
        self.wait(lambda: [each for each in [self.cluster.get("v1", "Secret", secret, self.namespace)] if each])
        self.cluster.create(restoring.options_secret(self.name, self.namespace, text))
        self.cluster.create(restoring.restore_pod(self.plane, self.name, secret, self.params["url"]))

    def finish(self) -> None:
        """The control plane starts again in any case: with the snapshot's state, or with its own."""
        pods: list[Document] = []

        def running() -> list[Document]:
            found = self.cluster.get("v1", "Pod", restoring.pod_name(self.name), self.namespace)
            pods[:] = [{"apiVersion": "v1", "kind": "Pod", **found}] if found else []
            return [each for each in pods if restoring.outcome(each) == "running"]

        self.wait(running)
        log = ""
        failed = not pods or restoring.outcome(pods[0]) == "failed"
        if pods and failed:
            log = self.cluster.log_tail(restoring.pod_name(self.name), self.namespace, restoring.CONTAINER, _LOG_LINES)
        self.remove_pod()
        self.cluster.delete("v1", "Secret", restoring.pod_name(self.name), self.namespace)
        patch = pausing.resume_patch(self.current(), self.params["replicas"])
        if patch:
            self.patch(patch)
        if failed:
            said = log.strip() or "its pod is gone"
            raise KubeError(
                f"the snapshot {self.params['url']} was not restored, and the control plane starts as it was:\n{said}"
            )

    def current(self) -> Document:
        kind, name = self.plane["kind"], self.plane["metadata"]["name"]
        found = self.cluster.get(control_planes.APPS, kind, name, self.namespace)
        return {"apiVersion": control_planes.APPS, "kind": self.plane["kind"], **(found or self.plane)}

    def patch(self, patch: Document) -> None:
        kind, name = self.plane["kind"], self.plane["metadata"]["name"]
        self.cluster.merge(control_planes.APPS, kind, name, patch, self.namespace)

    def remove_pod(self) -> None:
        name = restoring.pod_name(self.name)
        self.cluster.delete("v1", "Pod", name, self.namespace)
        self.wait(lambda: [each for each in [self.cluster.get("v1", "Pod", name, self.namespace)] if each])

    def wait(self, remaining: Callable[[], list[Document]]) -> None:
        wait_until_none(self.cluster, remaining, "restored", self.deadline, {"changed": True})


def work(module: kube_module.Call) -> dict[str, Any]:
    params = module.params
    # a place that vCluster would refuse is refused before anything is touched
    snapshots.options(params["url"], params["credentials"])

    def restore() -> dict[str, Any]:
        with kube_module.open_cluster(params) as cluster:
            steps = Restore(cluster, params)
            before = sorted(claim["metadata"]["name"] for claim in steps.claims())
            going = steps.surplus()
            if not module.check_mode:
                steps.run()
        return result(before, going)

    def result(before: list[str], going: list[str]) -> dict[str, Any]:
        texts = [
            "".join(f"volume {name}\n" for name in names) for names in (before, [n for n in before if n not in going])
        ]
        diff = {"before": texts[0], "after": texts[1]}
        return {"changed": True, "url": params["url"], "volumes": going, "diff": diff}

    return kube_module.unless_missing(restore, module, lambda _reason: result([], []))


def main() -> None:
    kube_module.run(AnsibleModule(argument_spec(), supports_check_mode=True), work)


if __name__ == "__main__":
    main()

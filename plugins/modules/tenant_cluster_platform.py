#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: tenant_cluster_platform
short_description: Make, change or remove the control plane of a tenant cluster by vCluster Platform
version_added: 0.1.0
description:
  - Keeps a C(VirtualClusterInstance) of vCluster Platform's management API as it shall be, and waits until the Platform
    says that it is ready or, on removal, until it is gone. The Platform makes the namespace, deploys the chart and
    gives the control plane its licence.
  - An object that this collection has not made is neither changed nor removed.
  - What a control plane keeps from its creation on is compared with the values that are there, and a change refused.
  - Runs on the machine that runs Ansible.
attributes:
  check_mode:
    support: full
    description: Sends nothing that changes anything. A Platform that cannot be reached yet holds nothing.
  diff_mode:
    support: full
    description: Shows the object with the chart's values, without the password of an external database.
options:
  host:
    description:
      - Address of the Platform, with or without C(https://).
      - If E(VCLUSTER_PLATFORM_HOST) is set it is used when the option is not.
    type: str
    required: true
  access_key:
    description:
      - Access key of a user who may make virtual clusters in the project.
      - If E(VCLUSTER_PLATFORM_ACCESS_KEY) is set it is used when the option is not.
    type: str
    required: true
  ca_path:
    description: File with the certificate authority of the Platform; by default the machine's own are trusted.
    type: path
  validate_certs:
    description: Whether the Platform's certificate is verified.
    type: bool
    default: true
  api_path:
    description:
      - Where the management API is at O(host). Empty where O(host) is the API server of the cluster that runs the
        Platform, which serves it, too.
    type: str
    default: /kubernetes/management
  project:
    description: Project of the Platform that the tenant cluster belongs to.
    type: str
    required: true
  project_namespace:
    description:
      - Namespace of the project in the management API. Defaults to C(p-<project>).
      - Platforms that were once installed with another prefix, such as C(loft-p-), keep it.
    type: str
  name:
    description: Name of the tenant cluster, which is the name of its Helm release.
    type: str
    required: true
  state:
    description: Whether it shall exist.
    type: str
    choices: [present, absent]
    default: present
  cluster:
    description: What the Platform calls the host cluster. Required with O(state=present).
    type: str
  namespace:
    description:
      - Namespace of the control plane in the host cluster, which the Platform makes. Defaults to C(vcluster-<name>).
    type: str
  namespace_taken:
    description:
      - Whether that namespace exists already. The Platform refuses one that it has not made, so nothing is asked of it
        then if it has no such virtual cluster.
    type: bool
    default: false
  namespace_labels:
    description: Labels for the namespace, besides those that mark it.
    type: dict
    default: {}
  chart:
    description: Name of the chart in its repository.
    type: str
    default: vcluster
  chart_repository:
    description: Repository of the chart, as the Platform reaches it.
    type: str
    default: https://charts.loft.sh
  chart_version:
    description: Version of the chart. Required with O(state=present).
    type: str
  values:
    description: Values for the chart. Required with O(state=present).
    type: dict
  user:
    description: Who owns it. Excludes O(team).
    type: str
  team:
    description: The team that owns it.
    type: str
  spec:
    description: Merged last into the spec of the object.
    type: dict
    default: {}
  replaces:
    description:
      - The hash of the deployment that has to be another one, as returned by a call that ran out of time.
    type: str
  wait_timeout:
    description: Seconds to wait; the failure carries the last conditions.
    type: int
    default: 600
requirements:
  - kubernetes >= 28.1.0 (Python library)
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: A control plane by vCluster Platform
  baremetal.fabric.tenant_cluster_platform:
    host: platform.example.com
    access_key: "{{ vault_platform_access_key }}"
    ca_path: /etc/fabric/platform-ca.pem
    project: default
    cluster: loft-cluster
    name: blue
    chart_version: 0.36.1
    values:
      privateNodes:
        enabled: true

- name: Remove it, and see it gone
  baremetal.fabric.tenant_cluster_platform:
    host: platform.example.com
    access_key: "{{ vault_platform_access_key }}"
    project: default
    name: blue
    state: absent
"""

RETURN = r"""
action:
  description: One of V(created), V(updated), V(unchanged), V(deleted) and V(absent).
  type: str
  returned: success
project_namespace:
  description: Namespace of the project in the management API.
  type: str
  returned: success
phase:
  description: What the Platform says last.
  type: str
  returned: when it was waited for
  sample: Ready
note:
  description: Why the Platform could not be asked, in check mode.
  type: str
  returned: when it could not
replaces:
  description: For the option of the same name.
  type: str
  returned: when time ran out
namespace_taken:
  description: For the option of the same name, when the namespace was that of one that is being deleted.
  type: bool
  returned: when time ran out before that was gone
"""

import time
from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule, env_fallback
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import module as kube_module
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import platform, tenant_api
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster, Document
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.platform import (
    API_VERSION,
    KIND,
    virtual_cluster_instance,
)
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import KubeError, WaitTimeout
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.readiness import judge
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.waits import wait_until_none

RULES: dict[str, Any] = {
    "required_if": [("state", "present", ["cluster", "chart_version", "values"])],
    "mutually_exclusive": [("user", "team")],
}


def argument_spec() -> dict[str, Any]:
    return {
        "host": {"type": "str", "required": True, "fallback": (env_fallback, ["VCLUSTER_PLATFORM_HOST"])},
        "access_key": {
            "type": "str",
            "required": True,
            "no_log": True,
            "fallback": (env_fallback, ["VCLUSTER_PLATFORM_ACCESS_KEY"]),
        },
        "ca_path": {"type": "path"},
        "validate_certs": {"type": "bool", "default": True},
        "api_path": {"type": "str", "default": "/kubernetes/management"},
        "project": {"type": "str", "required": True},
        "project_namespace": {"type": "str"},
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "cluster": {"type": "str"},
        "namespace": {"type": "str"},
        "namespace_taken": {"type": "bool", "default": False},
        "namespace_labels": {"type": "dict", "default": {}},
        "chart": {"type": "str", "default": "vcluster"},
        "chart_repository": {"type": "str", "default": "https://charts.loft.sh"},
        "chart_version": {"type": "str"},
        "values": {"type": "dict"},
        "user": {"type": "str"},
        "team": {"type": "str"},
        "spec": {"type": "dict", "default": {}},
        "replaces": {"type": "str"},
        "wait_timeout": {"type": "int", "default": 600},
    }


class Task:
    """One object of one Platform, by the arguments of a call."""

    def __init__(self, params: dict[str, Any], dry_run: bool) -> None:
        self.params = params
        self.dry_run = dry_run
        self.name = params["name"]
        self.where = params["project_namespace"] or f"p-{params['project']}"
        self.deadline = time.monotonic() + params["wait_timeout"]

    def result(self, action: str, **more: Any) -> dict[str, Any]:
        changed = action in ("created", "updated", "deleted")
        return {"changed": changed, "action": action, "project_namespace": self.where, **more}

    def wanted(self) -> Document:
        params = self.params
        chart = {"name": params["chart"], "repository": params["chart_repository"], "version": params["chart_version"]}
        return virtual_cluster_instance(
            {
                **{
                    key: params[key]
                    for key in ("name", "cluster", "namespace_labels", "values", "user", "team", "spec")
                },
                "namespace": tenant_api.control_plane_namespace(params["name"], params["namespace"]),
                "project_namespace": self.where,
                "chart": chart,
            }
        )

    def find(self, cluster: Cluster) -> Document | None:
        found = cluster.get(API_VERSION, KIND, self.name, self.where)
        if found is not None:
            found = {"apiVersion": API_VERSION, "kind": KIND, **found}
        return found

    def title(self) -> str:
        return f"virtual cluster {self.name} in the project {self.params['project']} ({self.where})"

    def refuse(self, reasons: list[str]) -> None:
        if reasons:
            raise KubeError("\n  - ".join([f"{self.title()}, nothing was touched:", *reasons]))

    def present(self, cluster: Cluster) -> dict[str, Any]:
        wanted, found = self.wanted(), self.find(cluster)
        if found is not None and found["metadata"].get("deletionTimestamp"):
            self._see_gone(cluster, found)
            return self._create(cluster, wanted, namespace_taken=False)
        if found is None:
            return self._create(cluster, wanted, self.params["namespace_taken"])
        self.refuse(list(platform.refusals(found, wanted)))
        change = platform.patch(found, wanted)
        if not change:
            result = self.result("unchanged")
            replaces = self.params["replaces"] or ""
        else:
            result = self.result("updated", diff=platform.diff(found, platform.merged(found, change)))
            replaces = platform.deploy_hash(found) if platform.touches_release(change) else ""
            if not self.dry_run:
                cluster.merge(API_VERSION, KIND, self.name, change, self.where)
        return result if self.dry_run else self._await_ready(cluster, replaces, result)

    def _see_gone(self, cluster: Cluster, found: Document) -> None:
        """One that is being deleted says that it is Ready to its end. The namespace that was seen was its own."""
        self.refuse(list(platform.removal_refusals(found)))
        if not self.dry_run:
            done = self.result("deleted", namespace_taken=False)
            self._await_gone(cluster, found["metadata"]["uid"], done)

    def _create(self, cluster: Cluster, wanted: Document, namespace_taken: bool) -> dict[str, Any]:
        if namespace_taken:
            namespace = wanted["spec"]["clusterRef"]["namespace"]
            self.refuse(
                [
                    f"there is none, and its namespace {namespace} exists in the host cluster already. The Platform"
                    " refuses one that it has not made: delete what is in it by the way that it was made"
                ]
            )
        result = self.result("created", diff=platform.diff(None, wanted))
        if self.dry_run:
            return result
        cluster.create(wanted)
        return self._await_ready(cluster, "", result)

    def _await_ready(self, cluster: Cluster, replaces: str, result: dict[str, Any]) -> dict[str, Any]:
        def unready() -> list[Document]:
            found = self.find(cluster)
            if found is None:
                raise KubeError(f"{self.title()} vanished while it was waited for")
            result["phase"] = str((found.get("status") or {}).get("phase") or "none yet")
            stale = bool(replaces) and platform.deploy_hash(found) == replaces
            return [found] if stale or not judge(found).ready else []

        what = "ready, by the changed values," if replaces else "ready"
        self._wait(cluster, unready, what, {**result, "replaces": replaces})
        return result

    def absent(self, cluster: Cluster) -> dict[str, Any]:
        found = self.find(cluster)
        if found is None:
            return self.result("absent")
        self.refuse(list(platform.removal_refusals(found)))
        result = self.result("deleted", diff=platform.diff(found, None))
        if self.dry_run:
            return result
        uid = found["metadata"]["uid"]
        cluster.delete(API_VERSION, KIND, self.name, self.where, propagation="Background", uid=uid)

        self._await_gone(cluster, uid, result)
        return result

    def _await_gone(self, cluster: Cluster, uid: str, done: dict[str, Any]) -> None:
        def left() -> list[Document]:
            again = self.find(cluster)
            return [again] if again is not None and again["metadata"]["uid"] == uid else []

        self._wait(cluster, left, "gone", done)

    def _wait(self, cluster: Cluster, remaining: Callable[[], list[Document]], what: str, done: dict[str, Any]) -> None:
        try:
            wait_until_none(cluster, remaining, what, self.deadline, done)
        except WaitTimeout as error:
            told = WaitTimeout(f"{self.title()}: {error.message}")
            told.result = error.result
            raise told from error


def explained(error: KubeError, params: dict[str, Any]) -> KubeError:
    """What to do about a request that the Platform has refused."""
    hints = {
        401: "the access key is unknown or has expired: make a new one in the Platform (Profile, Access Keys)",
        403: f"the access key's user may not do that in the project {params['project']}, or there is no such project",
        404: f"is {params['api_path'] or '/'} at {params['host']} the Platform's management API (api_path)?",
    }
    if error.status not in hints or isinstance(error, WaitTimeout):
        return error
    return KubeError(f"{error.message}; {hints[error.status]}", status=error.status, reason=error.reason)


def work(module: kube_module.Call) -> dict[str, Any]:
    params = module.params
    task = Task(params, module.check_mode)

    def ask() -> dict[str, Any]:
        connection = (params["host"], params["api_path"], params["access_key"], params["ca_path"])
        try:
            with platform.connect(*connection, params["validate_certs"]) as cluster:
                return task.present(cluster) if params["state"] == "present" else task.absent(cluster)
        except KubeError as error:
            raise explained(error, params) from error

    def plan(reason: str) -> dict[str, Any]:
        if params["state"] == "absent":
            return task.result("absent", note=reason)
        return task.result("created", diff=platform.diff(None, task.wanted()), note=reason)

    return kube_module.unless_missing(ask, module, plan)


def main() -> None:
    kube_module.run(AnsibleModule(argument_spec(), supports_check_mode=True, **RULES), work)


if __name__ == "__main__":
    main()

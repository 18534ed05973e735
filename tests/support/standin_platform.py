"""Stands in for vCluster Platform and its agent: deploys by Helm what objects of its kind say. Not vCluster Platform.

Beside a test API that serves the kind (tests/support/crds):

    python -m tests.support.standin_platform start DIRECTORY CHART HELM

DIRECTORY is that of tests.support.kube_api, which ends it. Whatever chart an object names, CHART is deployed. An access
key of somebody who may do anything is written to DIRECTORY/platform-key.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from tests.support import kube_api

_KIND = ("management.loft.sh", "v1", "virtualclusterinstances")
_FINALIZER = "standin.test/agent"
_MADE = "standin.test/platform"
_USER = "standin-platform-user"


class Agent:
    """One round after another over all objects."""

    def __init__(self, kubeconfig: str, chart: str, helm: str) -> None:
        config.load_kube_config(kubeconfig)
        self._core, self._objects = client.CoreV1Api(), client.CustomObjectsApi()
        self._kubeconfig, self._chart, self._helm = kubeconfig, chart, helm

    def tend(self) -> None:
        for found in self._objects.list_cluster_custom_object(*_KIND)["items"]:
            metadata, where = found["metadata"], found["spec"]["clusterRef"]["namespace"]
            if metadata.get("deletionTimestamp"):
                self._remove(metadata, where)
            elif _FINALIZER not in metadata.get("finalizers", []):
                self._patch(metadata, {"metadata": {"finalizers": [_FINALIZER]}})
            else:
                self._deploy(found, where)

    def _patch(self, metadata: dict[str, Any], patch: dict[str, Any]) -> None:
        group, version, plural = _KIND
        self._objects.patch_namespaced_custom_object(
            group, version, metadata["namespace"], plural, metadata["name"], patch
        )

    def _namespace(self, name: str) -> Any:
        try:
            return self._core.read_namespace(name)
        except ApiException as error:
            if error.status != 404:
                raise
            return None

    def _deploy(self, found: dict[str, Any], where: str) -> None:
        metadata, template = found["metadata"], found["spec"]["template"]
        release, namespace = template["helmRelease"], self._namespace(where)
        if namespace is None:
            labels = template["spaceTemplate"]["metadata"]["labels"]
            about = {"name": where, "labels": labels, "annotations": {_MADE: "true"}}
            self._core.create_namespace({"metadata": about})
        elif _MADE not in (namespace.metadata.annotations or {}):
            status = {"phase": "Failed", "reason": "SpaceNotReady", "message": "namespace exists and is not managed"}
            self._patch(metadata, {"status": status})
            return
        wanted = hashlib.sha256(json.dumps(release, sort_keys=True).encode()).hexdigest()
        if found.get("status", {}).get("deployHash") == wanted:
            return
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as values:
            values.write(release["values"])
            values.flush()
            self._run("upgrade", metadata["name"], self._chart, "--install", f"--namespace={where}", "-f", values.name)
        self._patch(metadata, {"status": {"phase": "Ready", "deployHash": wanted}})

    def _remove(self, metadata: dict[str, Any], where: str) -> None:
        namespace = self._namespace(where)
        if namespace is not None and _MADE in (namespace.metadata.annotations or {}):
            self._run("uninstall", metadata["name"], f"--namespace={where}", "--ignore-not-found")
            if not namespace.metadata.deletion_timestamp:
                self._core.delete_namespace(where)
            return
        self._patch(metadata, {"metadata": {"finalizers": []}})

    def _run(self, *arguments: str) -> None:
        command = [self._helm, *arguments, f"--kubeconfig={self._kubeconfig}"]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def run(kubeconfig: str, chart: str, helm: str) -> None:
    agent = Agent(kubeconfig, chart, helm)
    while True:
        try:
            agent.tend()
        except (ApiException, subprocess.CalledProcessError) as error:
            print(error, file=sys.stderr, flush=True)  # what is about to be deleted or made; the next round sees it
        time.sleep(0.5)


def access_key(kubeconfig: str) -> str:
    config.load_kube_config(kubeconfig)
    core, rights = client.CoreV1Api(), client.RbacAuthorizationV1Api()
    core.create_namespaced_service_account("default", {"metadata": {"name": _USER}})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    subjects = [{"kind": "ServiceAccount", "name": _USER, "namespace": "default"}]
    rights.create_cluster_role_binding({"metadata": {"name": _USER}, "roleRef": role, "subjects": subjects})
    return str(core.create_namespaced_service_account_token(_USER, "default", {"spec": {}}).status.token)


def start(directory: Path, chart: str, helm: str) -> None:
    kubeconfig = str(directory / "kubeconfig")
    key = directory / "platform-key"
    key.touch(mode=0o600)
    key.write_text(access_key(kubeconfig))
    kube_api.start_program(
        directory, "5-platform", sys.executable, "-m", "tests.support.standin_platform", "run", kubeconfig, chart, helm
    )


if __name__ == "__main__":
    told, *rest = sys.argv[1:]
    if told == "start":
        start(Path(rest[0]), rest[1], rest[2])
    else:
        run(*rest)

"""Bringing a control plane back to a snapshot, as vCluster's own command line does it. Pure.

The control plane stops, all volumes but the first go, a pod made from its own template writes the snapshot's state into
the store, and the control plane starts again. Source: vCluster's pkg/cli/restore_helm.go and pkg/snapshot/pod, 0.36.
"""

from __future__ import annotations

import copy
from typing import Any

from . import pausing
from .documents.common import labels
from .errors import KubeError
from .pausing import RESTORING

Document = dict[str, Any]

#: On the pod: which snapshot it writes, so that a later run knows whether it is its own.
URL_ANNOTATION = "baremetal.fabric/snapshot"
STORAGE_OPTIONS = "VCLUSTER_STORAGE_OPTIONS"
CONTAINER, POD_LABELS = "snapshot", {"app": "vcluster-snapshot"}
_SYNCER = "syncer"


class RestoreError(KubeError):
    """A control plane that no snapshot can be written into."""


def pod_name(tenant: str) -> str:
    return f"{tenant}-restore"


def is_restoring(control_plane: Document) -> bool:
    return pausing.notes_of(control_plane).get(RESTORING) == "true"


def begin_patch(control_plane: Document, now: str, fallback: int | None) -> Document:
    """Scales to nothing; how many there were is noted as for a pause, so that either way back finds it."""
    if is_restoring(control_plane):
        return {"spec": {"replicas": 0}} if pausing.replicas(control_plane) else {}
    count = pausing.replicas(control_plane) or fallback or 1
    notes = {RESTORING: "true", pausing.REPLICAS: str(count), pausing.DATE: now}
    return {"metadata": {"annotations": notes}, "spec": {"replicas": 0}}


def surplus_volumes(control_plane: Document, claims: list[Document]) -> list[str]:
    """Names of the volumes that members of embedded etcd would bring their former state from."""
    templates = (control_plane.get("spec") or {}).get("volumeClaimTemplates") or []
    name = control_plane["metadata"]["name"]
    found = [f"{each['metadata']['name']}-{name}-" for each in templates]
    names = [str(claim["metadata"]["name"]) for claim in claims]
    return sorted(
        each for each in names if any(each.startswith(prefix) for prefix in found) and not each.endswith("-0")
    )


def first_volumes(control_plane: Document, claims: list[Document]) -> list[Document]:
    """The first member's volumes, where they were lost: there must be something to write into."""
    name, namespace = control_plane["metadata"]["name"], control_plane["metadata"]["namespace"]
    there = {claim["metadata"]["name"] for claim in claims}
    made = []
    for each in (control_plane.get("spec") or {}).get("volumeClaimTemplates") or []:
        claim = f"{each['metadata']['name']}-{name}-0"
        if claim not in there:
            labels_ = ((control_plane["spec"].get("selector") or {}).get("matchLabels")) or {}
            metadata = {"name": claim, "namespace": namespace, "labels": dict(labels_)}
            made.append(
                {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": dict(each["spec"])}
            )
    return made


def restore_pod(control_plane: Document, tenant: str, secret: str, url: str) -> Document:
    """A pod that writes the snapshot. What it must know is in the Secret, under the name of the variable."""
    name, namespace = control_plane["metadata"]["name"], control_plane["metadata"]["namespace"]
    template = control_plane["spec"]["template"]["spec"]
    syncer = next((each for each in template["containers"] if each["name"] == _SYNCER), None)
    if syncer is None:
        raise RestoreError(
            f"{control_plane['kind']} {namespace}/{name} has no container {_SYNCER}: it is none of vCluster's"
        )
    environment = [each for each in syncer.get("env") or [] if each["name"] != "POD_NAME"]
    environment += [
        # embedded etcd is started as this member
        {"name": "POD_NAME", "value": f"{name}-0"},
        {"name": STORAGE_OPTIONS, "valueFrom": {"secretKeyRef": {"name": secret, "key": STORAGE_OPTIONS}}},
    ]
    container = {
        "name": CONTAINER,
        "command": ["/vcluster", "restore"],
        "env": environment,
        **{
            key: syncer[key]
            for key in ("image", "imagePullPolicy", "envFrom", "securityContext", "volumeMounts")
            if key in syncer
        },
    }
    kept = (
        "serviceAccountName", "nodeSelector", "affinity", "tolerations", "securityContext", "imagePullSecrets",
        "priorityClassName", "initContainers",
    )  # fmt: skip
    spec: Document = {key: copy.deepcopy(template[key]) for key in kept if template.get(key)}
    spec |= {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
        "volumes": [*(template.get("volumes") or []), *_claimed(control_plane, template, syncer)],
    }
    metadata = {
        "name": pod_name(tenant),
        "namespace": namespace,
        "labels": {**POD_LABELS, **labels(tenant)},
        "annotations": {URL_ANNOTATION: url},
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def options_secret(tenant: str, namespace: str, text: str) -> Document:
    metadata = {"name": pod_name(tenant), "namespace": namespace, "labels": labels(tenant)}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {STORAGE_OPTIONS: text}}


def _claimed(control_plane: Document, template: Document, syncer: Document) -> list[Document]:
    """The first member's volumes, which a StatefulSet gives to its pods beside the template."""
    present = {each["name"] for each in template.get("volumes") or []}
    mounted = {each["name"] for each in syncer.get("volumeMounts") or []}
    templates = (control_plane.get("spec") or {}).get("volumeClaimTemplates") or []
    wanted = [each["metadata"]["name"] for each in templates if each["metadata"]["name"] in mounted - present]
    name = control_plane["metadata"]["name"]
    return [{"name": each, "persistentVolumeClaim": {"claimName": f"{each}-{name}-0"}} for each in wanted]


def outcome(pod: Document) -> str:
    """running, succeeded or failed."""
    phase = str((pod.get("status") or {}).get("phase") or "")
    return {"Succeeded": "succeeded", "Failed": "failed"}.get(phase, "running")

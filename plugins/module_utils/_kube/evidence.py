"""What a user wants to see when something did not become ready: conditions, events, the end of the log."""

from __future__ import annotations

from .client import Cluster, Document, describe, label_selector
from .documents import kamaji
from .errors import KubeError
from .readiness import conditions, judge, pod_state

LOG_LINES = 20
EVENTS = 8


def collect(cluster: Cluster, document: Document) -> str:
    """A readable account of one object that is not ready. Never raises: it is called while failing already."""
    lines = [f"{describe(document)}: {judge(document).progress}"]
    lines += _conditions(document)
    namespace = (document.get("metadata") or {}).get("namespace")
    try:
        kin = _kin_of(cluster, document)
        for each in kin:
            phase = (each.get("status") or {}).get("phase", "none yet")
            lines.append(f"  {describe(each)}: phase {phase}")
            lines += [f"  {line}" for line in _conditions(each)]
        pods = _pods_of(cluster, document)
        lines += _events(cluster, [document, *kin, *pods], namespace)
        for pod in [p for p in pods if not judge(p).ready][:3]:
            lines += _pod(cluster, pod)
    except KubeError as error:
        lines.append(f"  (no more to be had: {error.message})")
    return "\n".join(lines)


def _conditions(document: Document) -> list[str]:
    return [
        f"  condition {kind}={entry.get('status')} {entry.get('reason', '')} {entry.get('message', '')}".rstrip()
        for kind, entry in sorted(conditions(document).items())
    ]


def _kin_of(cluster: Cluster, document: Document) -> list[Document]:
    """Objects of other kinds, under the same name, that a machine is waiting for: its instance and its disk."""
    if document.get("kind") != "VirtualMachine":
        return []
    name, namespace = document["metadata"]["name"], document["metadata"].get("namespace")
    found = []
    for api_version, kind in (
        ("kubevirt.io/v1", "VirtualMachineInstance"),
        ("cdi.kubevirt.io/v1beta1", "DataVolume"),
        ("v1", "PersistentVolumeClaim"),
    ):
        if cluster.serves(api_version, kind) and (one := cluster.get(api_version, kind, name, namespace)):
            found.append({"apiVersion": api_version, "kind": kind, **one})
    return found


def _pods_of(cluster: Cluster, document: Document) -> list[Document]:
    if document.get("kind") == "Pod":
        return [document]
    selector = ((document.get("spec") or {}).get("selector") or {}).get("matchLabels")
    if document.get("kind") == kamaji.KIND:
        selector = {kamaji.NAME_LABEL: document["metadata"]["name"]}
    if document.get("kind") == "VirtualMachine":
        selector = {"vm.kubevirt.io/name": document["metadata"]["name"]}
    if not selector:
        return []
    return cluster.list("v1", "Pod", document["metadata"].get("namespace"), labels=label_selector(selector))


def _events(cluster: Cluster, documents: list[Document], namespace: str | None) -> list[str]:
    wanted = {(d.get("kind"), d["metadata"]["name"]) for d in documents}
    # Events of a cluster-scoped object live in the namespace "default".
    found = [
        event
        for event in cluster.list("v1", "Event", namespace or "default")
        if (event["involvedObject"].get("kind"), event["involvedObject"].get("name")) in wanted
    ]
    found.sort(key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))
    return [
        f"  event {e['involvedObject'].get('name')}: {e.get('type')} {e.get('reason')}: {e.get('message', '').strip()}"
        for e in found[-EVENTS:]
    ]


def _pod(cluster: Cluster, pod: Document) -> list[str]:
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    lines = [f"  pod {name} on {(pod.get('spec') or {}).get('nodeName', 'no node')}: {pod_state(pod)}"]
    for container in (pod.get("status") or {}).get("containerStatuses") or []:
        if container.get("ready"):
            continue
        crashed = bool((container.get("state") or {}).get("waiting")) and container.get("restartCount", 0) > 0
        log = cluster.log_tail(name, namespace, container["name"], LOG_LINES, previous=crashed)
        lines.append(f"  log of {name}/{container['name']}:")
        lines += [f"    {line}" for line in log.splitlines()]
    return lines

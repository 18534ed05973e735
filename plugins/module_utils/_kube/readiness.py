"""When is an object what it was meant to become? Pure judgements over what the API returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .client import Document


@dataclass(frozen=True)
class Verdict:
    """`ready`, or how far it is; `hopeless` when waiting longer cannot help."""

    ready: bool
    progress: str = ""
    hopeless: bool = False


def conditions(document: Document) -> dict[str, Document]:
    return {entry["type"]: entry for entry in (document.get("status") or {}).get("conditions") or []}


def is_true(document: Document, condition: str) -> bool:
    return conditions(document).get(condition, {}).get("status") == "True"


def judge(document: Document) -> Verdict:
    """Kinds that have no notion of readiness are ready by existing."""
    rule = _RULES.get((document.get("apiVersion", "").split("/")[0], document.get("kind", "")))
    return rule(document) if rule else Verdict(True)


def _observed(document: Document) -> bool:
    generation = (document.get("metadata") or {}).get("generation", 0)
    return int((document.get("status") or {}).get("observedGeneration", 0)) >= int(generation)


def _deployment(document: Document) -> Verdict:
    spec, status = document.get("spec") or {}, document.get("status") or {}
    wanted = spec.get("replicas", 1)
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    total = status.get("replicas", 0)
    progress = f"{updated}/{wanted} updated, {available}/{wanted} available"
    if total > updated:
        progress += f", {total - updated} old still running"
    ready = _observed(document) and updated == wanted and available >= wanted and total == updated
    return Verdict(ready, progress)


def _daemon_set(document: Document) -> Verdict:
    status = document.get("status") or {}
    wanted = status.get("desiredNumberScheduled", 0)
    updated, available = status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0)
    ready = _observed(document) and updated == wanted and available == wanted
    return Verdict(ready, f"{updated}/{wanted} updated, {available}/{wanted} available")


def _stateful_set(document: Document) -> Verdict:
    spec, status = document.get("spec") or {}, document.get("status") or {}
    wanted = spec.get("replicas", 1)
    ready_replicas, updated = status.get("readyReplicas", 0), status.get("updatedReplicas", 0)
    if (spec.get("updateStrategy") or {}).get("type") == "OnDelete":
        updated = wanted  # pods are replaced by hand: their revision says nothing about readiness
    ready = _observed(document) and ready_replicas == wanted and updated >= wanted
    return Verdict(ready, f"{ready_replicas}/{wanted} ready, {updated}/{wanted} updated")


def _crd(document: Document) -> Verdict:
    if is_true(document, "Established"):
        return Verdict(True)
    refused = conditions(document).get("NamesAccepted", {})
    if refused.get("status") == "False":
        return Verdict(False, f"names not accepted: {refused.get('message', '')}", hopeless=True)
    return Verdict(False, "not Established yet")


def _job(document: Document) -> Verdict:
    if is_true(document, "Complete"):
        return Verdict(True)
    if is_true(document, "Failed"):
        return Verdict(False, f"failed: {conditions(document)['Failed'].get('message', '')}", hopeless=True)
    status = document.get("status") or {}
    return Verdict(False, f"{status.get('active', 0)} active, {status.get('succeeded', 0)} succeeded")


def _pod(document: Document) -> Verdict:
    phase = (document.get("status") or {}).get("phase", "Unknown")
    if phase == "Succeeded" or is_true(document, "Ready"):
        return Verdict(True)
    return Verdict(False, pod_state(document), hopeless=phase == "Failed")


def _namespace(document: Document) -> Verdict:
    phase = (document.get("status") or {}).get("phase", "Active")
    return Verdict(phase == "Active", f"phase {phase}")


def _node(document: Document) -> Verdict:
    return Verdict(is_true(document, "Ready"), node_state(document))


#: What a TenantControlPlane may be for ever, by somebody's wish, and what it is asked to be otherwise.
_AT_REST = {
    "Sleeping": "it has no replicas",
    "WriteLimited": "spec.writePermissions blocks writing",
}


def _tenant_control_plane(document: Document) -> Verdict:
    """Kamaji reports no conditions, but one word, and the figures of the Deployment."""
    status = document.get("status") or {}
    resources = status.get("kubernetesResources") or {}
    word = (resources.get("version") or {}).get("status", "not seen by Kamaji yet")
    if word == "Ready" and _observed(document):
        return Verdict(True)
    deployment = resources.get("deployment") or {}
    wanted = (((document.get("spec") or {}).get("controlPlane") or {}).get("deployment") or {}).get("replicas", 2)
    progress = f"{word}, {deployment.get('readyReplicas', 0)}/{wanted} pods ready"
    if not _observed(document):
        progress += ", the last change is not seen yet"
    if word in _AT_REST:
        progress += f" ({_AT_REST[word]})"
    return Verdict(False, progress)


def _data_store(document: Document) -> Verdict:
    status = document.get("status") or {}
    if status.get("ready"):
        return Verdict(True)
    said = "; ".join(entry["message"] for entry in status.get("conditions") or [] if entry.get("message"))
    return Verdict(False, said or "not ready")


def node_state(document: Document) -> str:
    condition = conditions(document).get("Ready", {})
    if condition.get("status") == "True":
        return "Ready"
    return f"NotReady ({condition.get('reason', 'no report yet')}: {condition.get('message', '')})"


def pod_state(document: Document) -> str:
    """One line: the phase, or the reason why a container is not running."""
    status = document.get("status") or {}
    for group in ("initContainerStatuses", "containerStatuses"):
        for container in status.get(group) or []:
            state = container.get("state") or {}
            waiting, ended = state.get("waiting"), state.get("terminated")
            if waiting and waiting.get("reason") != "PodInitializing":
                detail = f": {waiting['message']}" if waiting.get("message") else ""
                return f"{container['name']} {waiting.get('reason', 'waiting')}{detail}"
            if ended and ended.get("exitCode"):
                return f"{container['name']} ended with {ended['exitCode']} ({ended.get('reason', '')})"
    scheduled = conditions(document).get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return f"not scheduled: {scheduled.get('message', '')}"
    phase = str(status.get("phase", "Unknown"))
    unready = [c["name"] for c in status.get("containerStatuses") or [] if not c.get("ready")]
    return f"{phase}, not ready: {', '.join(unready)}" if phase == "Running" and unready else phase


def _available(document: Document) -> Verdict:
    """KubeVirt and CDI: their operators tell by a condition."""
    phase = (document.get("status") or {}).get("phase", "no phase yet")
    return Verdict(is_true(document, "Available"), f"phase {phase}")


def _virtual_machine(document: Document) -> Verdict:
    """Running as its guest is; what runs in there is not asked."""
    spec, status = document.get("spec") or {}, document.get("status") or {}
    shown = str(status.get("printableStatus", "no status yet"))
    if spec.get("runStrategy") == "Halted":
        return Verdict(shown == "Stopped", shown)
    return Verdict(bool(status.get("ready")) and shown == "Running", shown)


def _data_volume(document: Document) -> Verdict:
    """A disk whose StorageClass waits for its first consumer is filled when the machine starts."""
    status = document.get("status") or {}
    phase = str(status.get("phase", "Pending"))
    progress = f"phase {phase}, {status['progress']}" if status.get("progress") else f"phase {phase}"
    return Verdict(phase in ("Succeeded", "WaitForFirstConsumer", "PendingPopulation"), progress, phase == "Failed")


def _api_service(document: Document) -> Verdict:
    condition = conditions(document).get("Available", {})
    if condition.get("status") == "True":
        return Verdict(True)
    return Verdict(False, f"not Available ({condition.get('reason', 'no report yet')}: {condition.get('message', '')})")


def _virtual_cluster_instance(document: Document) -> Verdict:
    """vCluster Platform: one word, and why. One that sleeps by the Platform's will is as it shall be."""
    status = document.get("status") or {}
    phase = str(status.get("phase") or "not seen by the Platform yet")
    why = ": ".join(str(status[key]) for key in ("reason", "message") if status.get(key))
    return Verdict(phase in ("Ready", "Sleeping"), f"{phase} ({why})" if why else phase)


def _told(document: Document, condition: str) -> str:
    entry = conditions(document).get(condition, {})
    return ": ".join(str(entry[key]) for key in ("reason", "message") if entry.get(key))


def _tigera_status(document: Document) -> Verdict:
    """Calico's operator: Available stays True while a change goes on, which Progressing tells."""
    if not conditions(document):
        return Verdict(False, "no report of Calico's operator yet")
    said = [f"{each} ({_told(document, each)})" for each in ("Degraded", "Progressing") if is_true(document, each)]
    if not is_true(document, "Available"):
        said.insert(0, f"not Available ({_told(document, 'Available') or 'no report yet'})")
    return Verdict(not said, ", ".join(said))


def _calico_installation(document: Document) -> Verdict:
    """Whether the operator has seen the last change; operators that do not tell are taken at their word elsewhere."""
    generation = int((document.get("metadata") or {}).get("generation", 0))
    seen = [int(each.get("observedGeneration") or 0) for each in conditions(document).values()]
    late = any(seen) and max(seen) < generation
    return Verdict(not late, "the last change is not seen by Calico's operator yet" if late else "")


_RULES: dict[tuple[str, str], Callable[[Document], Verdict]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "StatefulSet"): _stateful_set,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _crd,
    ("batch", "Job"): _job,
    ("v1", "Pod"): _pod,
    ("v1", "Namespace"): _namespace,
    ("v1", "Node"): _node,
    ("kamaji.clastix.io", "TenantControlPlane"): _tenant_control_plane,
    ("kamaji.clastix.io", "DataStore"): _data_store,
    ("kubevirt.io", "KubeVirt"): _available,
    ("kubevirt.io", "VirtualMachine"): _virtual_machine,
    ("cdi.kubevirt.io", "CDI"): _available,
    ("cdi.kubevirt.io", "DataVolume"): _data_volume,
    ("apiregistration.k8s.io", "APIService"): _api_service,
    ("operator.tigera.io", "TigeraStatus"): _tigera_status,
    ("operator.tigera.io", "Installation"): _calico_installation,
    ("management.loft.sh", "VirtualClusterInstance"): _virtual_cluster_instance,
}

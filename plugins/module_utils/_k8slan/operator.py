# SPDX-License-Identifier: Apache-2.0
"""k8slan's own manifest, made fit for a cluster, and what that cluster must have first. Pure."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from typing import Any

from .._kube.documents.common import DocumentError, require
from .._kube.readiness import judge

Document = dict[str, Any]
#: Where k8slan's manifest has its programs put; K3s looks elsewhere.
_BIN_DIR = "/opt/cni/bin"
_CERT_MANAGER = "cert-manager.io"
_INJECTOR = "network-resources-injector"
#: From here on KubeVirt asks for no resources of attachments itself.
_INJECTOR_SINCE = (1, 9)
_GATE = "ExternalNetResourceInjection"
_BINDING = "macvtap"


def operator_objects(intent: Document) -> list[Document]:
    """The manifest's objects, with the nodes' directory of CNI programs and the user's settings in them.

    `intent`: manifest (its documents), bin_dir, daemon_set; optional: image, pull_policy, node_selector, tolerations.
    """
    require(intent, ("manifest", "bin_dir", "daemon_set"))
    documents = [copy.deepcopy(each) for each in intent["manifest"] if each]
    kinds = {(each.get("kind"), (each.get("metadata") or {}).get("name")) for each in documents}
    needed = (("DaemonSet", intent["daemon_set"]), ("CustomResourceDefinition", "lans.lan.k8slan.io"))
    lacking = [f"{kind} {name}" for kind, name in needed if (kind, name) not in kinds]
    if lacking:
        raise DocumentError(f"this is no manifest of k8slan's: it has no {' and no '.join(lacking)}")
    for each in documents:
        if each["kind"] in ("DaemonSet", "Deployment"):
            _adapt(each, intent)
    return documents


def injector_objects(intent: Document) -> list[Document]:
    """The network-resources-injector's objects, pinned. `intent`: manifest (its documents); optional: image."""
    require(intent, ("manifest",))
    documents = [copy.deepcopy(each) for each in intent["manifest"] if each]
    for each in documents:
        if each["kind"] in ("DaemonSet", "Deployment"):
            _pin(each, intent)
    return documents


def _adapt(workload: Document, intent: Document) -> None:
    spec = workload["spec"]["template"]["spec"]
    _pin(workload, intent)
    if workload["kind"] != "DaemonSet":
        return
    for volume in spec.get("volumes") or []:
        if (volume.get("hostPath") or {}).get("path") == _BIN_DIR:
            volume["hostPath"]["path"] = intent["bin_dir"]
    if intent.get("node_selector"):
        spec["nodeSelector"] = {**(spec.get("nodeSelector") or {}), **intent["node_selector"]}
    if intent.get("tolerations"):
        spec["tolerations"] = [*(spec.get("tolerations") or []), *intent["tolerations"]]


def _pin(workload: Document, intent: Document) -> None:
    spec = workload["spec"]["template"]["spec"]
    for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
        if intent.get("image"):
            container["image"] = intent["image"]
        if intent.get("pull_policy"):
            container["imagePullPolicy"] = intent["pull_policy"]
        image = str(container.get("image", ""))
        if not _pinned(image):
            raise DocumentError(
                f"{workload['kind']} {workload['metadata']['name']} runs {image or 'no image'}, which names no version:"
                " set an image with a tag or a digest"
            )


def _pinned(image: str) -> bool:
    if "@sha256:" in image:
        return True
    tag = image.rpartition("/")[2].partition(":")[2]
    return tag not in ("", "latest")


def obstacles(found: Sequence[Document], intent: Document) -> list[str]:
    """A sentence for each thing that the cluster lacks.

    `found`: its APIServices, DaemonSets, Deployments, MutatingWebhookConfigurations and KubeVirts. `intent`: objects
    (those to be applied), machines (whether a virtual machine shall be attached), injector (whether the
    network-resources-injector is installed along).
    """
    require(intent, ("objects", "machines", "injector"))
    return [*_certificates(found, intent["objects"]), *_multus(found), *_kubevirt(found, intent)]


def _certificates(found: Sequence[Document], wanted: Sequence[Document]) -> list[str]:
    """Only where the manifest asks for certificates."""
    if not any(str(each.get("apiVersion", "")).startswith(f"{_CERT_MANAGER}/") for each in wanted):
        return []
    if f"v1.{_CERT_MANAGER}" not in _names(found, "APIService"):
        return ["cert-manager is not in the cluster; k8slan's webhook gets its certificate from it: install it first"]
    webhooks = [
        each
        for each in found
        if each.get("kind") == "Deployment" and "cert-manager-webhook" in each["metadata"]["name"]
    ]
    return [
        f"cert-manager does not answer yet: Deployment {each['metadata']['namespace']}/{each['metadata']['name']}:"
        f" {judge(each).progress}"
        for each in webhooks
        if not judge(each).ready
    ]


def _multus(found: Sequence[Document]) -> list[str]:
    if "v1.k8s.cni.cncf.io" not in _names(found, "APIService"):
        return ["Multus is not in the cluster: install it first, for example by the role multus"]
    running = [each for each in found if each.get("kind") == "DaemonSet" and "multus" in each["metadata"]["name"]]
    if not running:
        return ["network attachments are defined, but no DaemonSet of Multus runs that would act on them"]
    return [
        f"Multus does not run on every node: DaemonSet {each['metadata']['namespace']}/{each['metadata']['name']}:"
        f" {judge(each).progress}"
        for each in running
        if not judge(each).ready
    ]


def _kubevirt(found: Sequence[Document], intent: Document) -> list[str]:
    if not intent["machines"]:
        return []
    installed = [each for each in found if each.get("kind") == "KubeVirt"]
    if not installed:
        return [
            "a spoke is for a virtual machine, but KubeVirt is not in the cluster: install it first (role kubevirt)"
        ]
    told = []
    spec, status = installed[0].get("spec") or {}, installed[0].get("status") or {}
    configuration = spec.get("configuration") or {}
    if _BINDING not in ((configuration.get("network") or {}).get("binding") or {}):
        told.append(
            "KubeVirt knows no network binding 'macvtap': set kubevirt_spec: {configuration: {network: {binding:"
            " {macvtap: {domainAttachmentType: tap}}}}}"
        )
    disabled = (configuration.get("developerConfiguration") or {}).get("disabledFeatureGates") or []
    version = re.match(r"v?(\d+)\.(\d+)", str(status.get("observedKubeVirtVersion", "")))
    # one that does not tell its version is taken for a new one
    new = version is None or (int(version[1]), int(version[2])) >= _INJECTOR_SINCE
    there = any(_INJECTOR in name for name in _names(found, "MutatingWebhookConfiguration"))
    if new and _GATE not in disabled and not there and not intent["injector"]:
        told.append(
            f"KubeVirt {status.get('observedKubeVirtVersion', '(version unknown)')} leaves it to the {_INJECTOR} to ask"
            " for a machine's resources, and that is not in the cluster: name its manifests in"
            " k8slan_injector_manifests"
        )
    return told


def _names(found: Sequence[Document], kind: str) -> set[str]:
    return {str(each["metadata"]["name"]) for each in found if each.get("kind") == kind}

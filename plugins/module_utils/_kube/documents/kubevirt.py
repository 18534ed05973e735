"""What the operators of KubeVirt and CDI are told: one object each."""

from __future__ import annotations

from .common import Document, merge, require


def kubevirt_objects(intent: Document) -> list[Document]:
    """KubeVirt and CDI.

    `intent`: namespace, emulation, feature_gates, disabled_feature_gates, rollout_strategy, pull_policy; optional:
    image_registry, node_selector, tolerations, cdi_feature_gates, scratch_storage_class, insecure_registries,
    kubevirt_spec and cdi_spec (merged last).
    """
    require(
        intent,
        ("namespace", "emulation", "feature_gates", "disabled_feature_gates", "rollout_strategy", "pull_policy"),
    )
    return [_kubevirt(intent), _cdi(intent)]


def _kubevirt(intent: Document) -> Document:
    developer: Document = {
        "featureGates": sorted(intent["feature_gates"]),
        # Since 1.9 every gate in beta is on unless it is named here.
        "disabledFeatureGates": sorted(intent["disabled_feature_gates"]),
        "useEmulation": bool(intent["emulation"]),
    }
    spec: Document = {
        "imagePullPolicy": intent["pull_policy"],
        # Deleting KubeVirt must not end somebody's machines.
        "uninstallStrategy": "BlockUninstallIfWorkloadsExist",
        "configuration": {
            "developerConfiguration": {key: value for key, value in developer.items() if value != []},
            "vmRolloutStrategy": intent["rollout_strategy"],
        },
    }
    if intent.get("image_registry"):
        spec["imageRegistry"] = intent["image_registry"]
    placement = _placement(intent)
    if placement:
        spec["workloads"] = {"nodePlacement": placement}
    metadata = {"name": "kubevirt", "namespace": intent["namespace"]}
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "KubeVirt",
        "metadata": metadata,
        "spec": merge(spec, intent.get("kubevirt_spec") or {}),
    }


def _cdi(intent: Document) -> Document:
    config: Document = {
        # A disk waits for its machine, so that it is made where that runs.
        "featureGates": sorted({"HonorWaitForFirstConsumer", *(intent.get("cdi_feature_gates") or [])}),
    }
    if intent.get("scratch_storage_class"):
        config["scratchSpaceStorageClass"] = intent["scratch_storage_class"]
    if intent.get("insecure_registries"):
        config["insecureRegistries"] = list(intent["insecure_registries"])
    spec: Document = {
        "imagePullPolicy": intent["pull_policy"],
        "uninstallStrategy": "BlockUninstallIfWorkloadsExist",
        "config": config,
    }
    placement = _placement(intent)
    if placement:
        spec["workload"] = placement
    return {
        "apiVersion": "cdi.kubevirt.io/v1beta1",
        "kind": "CDI",
        "metadata": {"name": "cdi"},
        "spec": merge(spec, intent.get("cdi_spec") or {}),
    }


def _placement(intent: Document) -> Document:
    placement = {"nodeSelector": intent.get("node_selector"), "tolerations": intent.get("tolerations")}
    return {key: value for key, value in placement.items() if value}

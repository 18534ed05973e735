# SPDX-License-Identifier: Apache-2.0
"""Keys of vCluster's values that former releases had, and what is called what today.

Sources: vCluster's own converter (config/legacyconfig/migrate.go, for the keys from before 0.20) and the schemas of
the chart's releases. The chart refuses most of them too, but only when Helm runs, and without saying what to write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Version = tuple[int, int]

_REPLICAS = "controlPlane.statefulSet.highAvailability.replicas"
_ETCD = "controlPlane.backingStore.etcd.deploy"
_VOLUME = "controlPlane.statefulSet.persistence.volumeClaim"
_IMAGE = "controlPlane.distro.k8s.image"
_SET = "controlPlane.statefulSet"
_PLAIN = "only plain Kubernetes is left"


@dataclass(frozen=True)
class Former:
    """A key, the first release without it, and what takes its place there: keys, or else a sentence."""

    key: str
    since: Version
    keys: tuple[str, ...] = ()
    note: str = ""
    #: The first release with it.
    came: Version = (0, 0)

    def sentence(self) -> str:
        instead = f"write {' and '.join(self.keys)}" if self.keys else ""
        told = "; ".join(each for each in (instead, self.note) if each)
        return f"vCluster has no such key since {self.since[0]}.{self.since[1]}: {told}"


def _before_0_20(key: str, *keys: str, note: str = "") -> Former:
    return Former(key, (0, 20), keys, note)


def _top_level() -> tuple[Former, ...]:
    """Keys of the charts for k3s, k0s and Kubernetes that were one level of names."""
    scheduling = ("nodeSelector", "affinity", "tolerations", "priorityClassName")
    return (
        *(_before_0_20(key, f"{_SET}.scheduling.{key}") for key in scheduling),
        *(_before_0_20(key, f"{_SET}.{key}") for key in ("labels", "annotations")),
        _before_0_20("podLabels", f"{_SET}.pods.labels"),
        _before_0_20("podAnnotations", f"{_SET}.pods.annotations"),
        _before_0_20("securityContext", f"{_SET}.security.containerSecurityContext"),
        _before_0_20("podSecurityContext", f"{_SET}.security.podSecurityContext"),
        _before_0_20("volumes", f"{_SET}.persistence.addVolumes"),
        _before_0_20("autoDeletePersistentVolumeClaims", f"{_VOLUME}.retentionPolicy"),
        _before_0_20("globalAnnotations", "controlPlane.advanced.globalMetadata.annotations"),
        _before_0_20("defaultImageRegistry", "controlPlane.advanced.defaultImageRegistry"),
        _before_0_20("proLicenseSecret", note="set tenant_cluster_licence"),
        _before_0_20("embeddedEtcd.enabled", "controlPlane.backingStore.etcd.embedded.enabled"),
        _before_0_20("embeddedEtcd.migrateFromEtcd", "controlPlane.backingStore.etcd.embedded.migrateFromDeployedEtcd"),
        _before_0_20("embeddedEtcd", "controlPlane.backingStore.etcd.embedded"),
        _before_0_20("headless", note="a control plane has pods here"),
        _before_0_20("monitoring", "controlPlane.serviceMonitor"),
        _before_0_20("scheduler", "controlPlane.distro.k8s.scheduler"),
        _before_0_20("vcluster.image", _IMAGE, note=_PLAIN),
        _before_0_20("vcluster.env", f"{_SET}.env", note="a database is controlPlane.backingStore.database.external"),
        _before_0_20("vcluster", "controlPlane.distro.k8s", note=_PLAIN),
        _before_0_20("k3sToken", note=_PLAIN),
        _before_0_20("serviceAccount", "controlPlane.advanced.serviceAccount"),
        _before_0_20("workloadServiceAccount", "controlPlane.advanced.workloadServiceAccount"),
        _before_0_20("service", "controlPlane.service.spec"),
        _before_0_20("ingress", "controlPlane.ingress"),
        _before_0_20("openshift", "rbac.role.extraRules"),
        _before_0_20("init.manifests", "experimental.deploy.vcluster.manifests"),
        _before_0_20("init.manifestsTemplate", "experimental.deploy.vcluster.manifestsTemplate"),
        _before_0_20("init.helm", "experimental.deploy.vcluster.helm"),
        _before_0_20("init", "experimental.deploy.vcluster"),
        _before_0_20("multiNamespaceMode", "sync.toHost.namespaces"),
        _before_0_20("centralAdmission", "policies.centralAdmission"),
        _before_0_20("telemetry.disabled", "telemetry.enabled"),
        _before_0_20("noopSyncer", "experimental.syncSettings"),
        _before_0_20("fallbackHostDns", "networking.advanced.fallbackHostCluster"),
        _before_0_20("proxy", "deploy.metricsServer.enabled", note="with private nodes it is the tenant cluster's own"),
        _before_0_20("rbac.role.create", "rbac.role.enabled"),
        _before_0_20("rbac.role.excludedApiResources", "rbac.role.overwriteRules"),
        _before_0_20("rbac.clusterRole.create", "rbac.clusterRole.enabled"),
    )


def _of_syncer() -> tuple[Former, ...]:
    same = ("image", "imagePullPolicy", "resources", "env", "labels", "annotations")
    scheduling = ("nodeSelector", "affinity", "tolerations", "priorityClassName")
    return (
        *(_before_0_20(f"syncer.{key}", f"{_SET}.{key}") for key in same),
        *(_before_0_20(f"syncer.{key}", f"{_SET}.scheduling.{key}") for key in scheduling),
        _before_0_20("syncer.storage", _VOLUME),
        _before_0_20("syncer.extraArgs", note="of --tls-san write the names below controlPlane.proxy.extraSANs"),
        _before_0_20("syncer.kubeConfigContextName", "exportKubeConfig.context"),
        _before_0_20("syncer.serviceAnnotations", "controlPlane.service.annotations"),
        _before_0_20("syncer.extraVolumeMounts", f"{_SET}.persistence.addVolumeMounts"),
        _before_0_20("syncer.volumeMounts", f"{_SET}.persistence.addVolumeMounts"),
        _before_0_20("syncer.volumes", f"{_SET}.persistence.addVolumes"),
    )


def _of_sync() -> tuple[Former, ...]:
    """Synced kinds, which had no direction in their names."""
    kinds = {
        "services": "services",
        "configmaps": "configMaps",
        "secrets": "secrets",
        "endpoints": "endpoints",
        "pods": "pods",
        "persistentvolumeclaims": "persistentVolumeClaims",
        "priorityclasses": "priorityClasses",
        "networkpolicies": "networkPolicies",
        "volumesnapshots": "volumeSnapshots",
        "poddisruptionbudgets": "podDisruptionBudgets",
        "serviceaccounts": "serviceAccounts",
        "generic": "customResources",
    }
    return (
        *(_before_0_20(f"sync.{old}", f"sync.toHost.{new}") for old, new in kinds.items()),
        _before_0_20("sync.events", "sync.fromHost.events"),
        _before_0_20("sync.ingressclasses", "sync.fromHost.ingressClasses"),
        _before_0_20("sync.fake-nodes", note="nodes are private"),
        _before_0_20("sync.fake-persistentvolumes", note="leave it out"),
    )


FORMER = (
    _before_0_20("enableHA", _REPLICAS, note="more than one replica is high availability"),
    _before_0_20("replicas", _REPLICAS),
    _before_0_20("syncer.replicas", _REPLICAS),
    _before_0_20("syncer", "controlPlane.statefulSet", note="the syncer is part of the control plane"),
    _before_0_20("api.replicas", _REPLICAS, note="API server, controllers and syncer are one pod"),
    _before_0_20("api.image", _IMAGE),
    _before_0_20("api.extraArgs", "controlPlane.distro.k8s.apiServer.extraArgs"),
    _before_0_20("api", "controlPlane.distro.k8s.apiServer"),
    _before_0_20("controller.replicas", _REPLICAS, note="API server, controllers and syncer are one pod"),
    _before_0_20("controller.image", _IMAGE),
    _before_0_20("controller.extraArgs", "controlPlane.distro.k8s.controllerManager.extraArgs"),
    _before_0_20("controller", "controlPlane.distro.k8s.controllerManager"),
    _before_0_20("etcd.replicas", f"{_ETCD}.statefulSet.highAvailability.replicas"),
    _before_0_20("etcd.image", f"{_ETCD}.statefulSet.image"),
    _before_0_20("etcd.storage", f"{_ETCD}.statefulSet.persistence.volumeClaim"),
    _before_0_20("etcd", _ETCD),
    _before_0_20("storage.persistence", f"{_VOLUME}.enabled"),
    _before_0_20("storage.size", f"{_VOLUME}.size"),
    _before_0_20("storage.className", f"{_VOLUME}.storageClass"),
    _before_0_20("storage", _VOLUME),
    _before_0_20("coredns.replicas", "controlPlane.coredns.deployment.replicas"),
    _before_0_20("coredns.image", "controlPlane.coredns.deployment.image"),
    _before_0_20("coredns.integrated", "controlPlane.coredns.embedded"),
    _before_0_20("coredns.fallback", "policies.networkPolicy.fallbackDns"),
    _before_0_20("coredns", "controlPlane.coredns"),
    _before_0_20("sync.nodes.enabled", "sync.fromHost.nodes.enabled"),
    _before_0_20("sync.nodes.syncAllNodes", "sync.fromHost.nodes.selector.all"),
    _before_0_20("sync.nodes.nodeSelector", "sync.fromHost.nodes.selector.labels", note="it is a dictionary now"),
    _before_0_20("sync.nodes.enableScheduler", "controlPlane.distro.k8s.scheduler.enabled"),
    _before_0_20("sync.nodes.syncNodeChanges", "sync.fromHost.nodes.syncBackChanges"),
    _before_0_20("sync.nodes", "sync.fromHost.nodes"),
    _before_0_20("sync.persistentvolumes", "sync.toHost.persistentVolumes"),
    _before_0_20("sync.storageclasses", "sync.toHost.storageClasses"),
    _before_0_20("sync.hoststorageclasses", "sync.fromHost.storageClasses"),
    _before_0_20("sync.ingresses", "sync.toHost.ingresses", "sync.fromHost.ingressClasses"),
    _before_0_20("mapServices.fromHost", "networking.replicateServices.fromHost"),
    _before_0_20("mapServices.fromVirtual", "networking.replicateServices.toHost"),
    _before_0_20("mapServices", "networking.replicateServices"),
    _before_0_20("isolation.enabled", "policies", note="each policy has an enabled of its own"),
    _before_0_20("isolation.networkPolicy", "policies.networkPolicy"),
    _before_0_20("isolation.resourceQuota", "policies.resourceQuota"),
    _before_0_20("isolation.limitRange", "policies.limitRange"),
    _before_0_20("isolation.podSecurityStandard", "policies.podSecurityStandard"),
    _before_0_20("isolation", "policies"),
    *_top_level(),
    *_of_syncer(),
    *_of_sync(),
    Former("external.platform", (0, 32), ("platform",)),
    Former("external", (0, 32), ("platform",)),
    Former("policies.networkPolicy.outgoingConnections", (0, 32), ("policies.networkPolicy.workload.publicEgress",)),
    Former("policies.networkPolicy.extraControlPlaneRules", (0, 32), ("policies.networkPolicy.controlPlane.egress",)),
    Former("policies.networkPolicy.extraWorkloadRules", (0, 32), ("policies.networkPolicy.workload.egress",)),
    Former("sleepMode", (0, 32), ("sleep",)),
    Former("controlPlane.distro.k3s", (0, 33), ("controlPlane.distro.k8s",), _PLAIN),
    Former("snapshots.auto.volumes", (0, 36), note="volumes are in no snapshot any more", came=(0, 32)),
)


def found_in(values: Mapping[Any, Any], release: Version | None = None) -> Iterator[tuple[str, str]]:
    """Each key of values that the release, by default the newest, does not have any more: its path and what to do.

    Of a key and what is inside of it only the most exact is told.
    """
    told: list[str] = []
    for former in sorted(FORMER, key=lambda each: (-each.key.count("."), each.key)):
        if release is not None and release < former.since:
            continue
        if any(known.startswith(f"{former.key}.") for known in told) or not _has(values, former.key.split(".")):
            continue
        told.append(former.key)
        yield former.key, former.sentence()


def release_of(version: object) -> Version | None:
    """Major and minor of a chart's version; None for what is no version."""
    parts = str(version).removeprefix("v").split(".")
    return (int(parts[0]), int(parts[1])) if len(parts) > 1 and all(each.isdigit() for each in parts[:2]) else None


def _has(values: Any, path: list[str]) -> bool:
    for name in path:
        if not isinstance(values, Mapping) or name not in values:
            return False
        values = values[name]
    return True

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


@dataclass(frozen=True)
class Former:
    """A key, the first release without it, and what takes its place there: keys, or else a sentence."""

    key: str
    since: Version
    keys: tuple[str, ...] = ()
    note: str = ""

    def sentence(self) -> str:
        instead = f"write {' and '.join(self.keys)}" if self.keys else ""
        told = "; ".join(each for each in (instead, self.note) if each)
        return f"vCluster has no such key since {self.since[0]}.{self.since[1]}: {told}"


def _before_0_20(key: str, *keys: str, note: str = "") -> Former:
    return Former(key, (0, 20), keys, note)


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
    _before_0_20("isolation.networkPolicy", "policies.networkPolicy"),
    _before_0_20("isolation.resourceQuota", "policies.resourceQuota"),
    _before_0_20("isolation.limitRange", "policies.limitRange"),
    _before_0_20("isolation.podSecurityStandard", "policies.podSecurityStandard"),
    _before_0_20("isolation", "policies"),
    Former("external.platform", (0, 32), ("platform",)),
    Former("sleepMode", (0, 32), ("sleep",)),
    Former("controlPlane.distro.k3s", (0, 33), ("controlPlane.distro.k8s",), "only plain Kubernetes is left"),
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

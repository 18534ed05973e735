# SPDX-License-Identifier: Apache-2.0
"""Values that a control plane keeps from its creation on, compared with those of the release that is there.

vCluster itself refuses such a change when it starts, or breaks of it: by then its pods are being replaced.
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .paths import Values, at

_STORES = {
    "controlPlane.backingStore.etcd.embedded.enabled": "embedded etcd",
    "controlPlane.backingStore.etcd.deploy.enabled": "deployed etcd",
    "controlPlane.backingStore.etcd.external.enabled": "external etcd",
    "controlPlane.backingStore.database.embedded.enabled": "SQLite",
    "controlPlane.backingStore.database.external.enabled": "external database",
}
_MIGRATE = "controlPlane.backingStore.etcd.embedded.migrateFromDeployedEtcd"
_AGAIN = "delete the tenant cluster and make it again, or restore a snapshot into a new one"
#: Path, what holds where it is not set, and what to do instead.
_FIXED: tuple[tuple[str, Any, str], ...] = (
    ("privateNodes.enabled", False, _AGAIN),
    ("privateNodes.vpn.enabled", False, _AGAIN),
    ("privateNodes.vpn.nodeToNode.enabled", False, _AGAIN),
    ("sync.toHost.namespaces.enabled", False, _AGAIN),
    ("sync.toHost.namespaces.mappings.byName", None, _AGAIN),
    ("networking.serviceCIDR", None, _AGAIN),
    ("networking.podCIDR", None, _AGAIN),
    ("networking.advanced.clusterDomain", None, _AGAIN),
)
#: What is compared; nothing else of a release leaves its record, which holds secrets.
PATHS = (*_STORES, _MIGRATE, *(path for path, _default, _instead in _FIXED))
_VARIABLES = {
    "networking.serviceCIDR": "tenant_cluster_service_cidr",
    "networking.podCIDR": "tenant_cluster_pod_cidr",
}


def helm_release(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """A release from the Secret in which Helm keeps it; None for what is none.

    Helm packs a release as JSON, compressed, in base64, which the Secret encodes once more.
    """
    text = (record.get("data") or {}).get("release")
    if record.get("type") != "helm.sh/release.v1" or not text:
        return None
    try:
        packed = base64.b64decode(base64.b64decode(text))
        release = json.loads(gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed)
    except (ValueError, OSError, EOFError, zlib.error):
        return None
    return release if isinstance(release, dict) else None


def release_values(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """The values that a release was made with; None for what is none."""
    release = helm_release(record)
    return None if release is None else dict(release.get("config") or {})


def kept(values: Values, paths: Iterable[str] = PATHS) -> dict[str, Any]:
    """Of a release's values those that are compared, by path."""
    found = {path: at(values, path) for path in paths}
    return {path: value for path, value in found.items() if value is not None}


def refused(deployed: Mapping[str, Any], wanted: Values) -> Iterator[str]:
    """A sentence for each change that cannot be made; `deployed` is what `kept` has found."""
    new = kept(wanted)
    old_store, new_store = _store(deployed), _store(new)
    migrates = (old_store, new_store) == ("deployed etcd", "embedded etcd") and new.get(_MIGRATE) is True
    if old_store != new_store and not migrates:
        more = (
            f" (deployed etcd can become embedded etcd with {_MIGRATE}: true)" if old_store == "deployed etcd" else ""
        )
        yield (
            f"tenant_cluster_backing_store.kind: the control plane keeps its state in {old_store}, and {new_store}"
            f" would begin empty: set it back, or {_AGAIN}{more}"
        )
    for path, default, instead in _FIXED:
        old, now = deployed.get(path, default), new.get(path, default)
        if old is not None and now is not None and old != now:
            name = _VARIABLES.get(path, f"tenant_cluster_values.{path}")
            yield f"{name}: is {_shown(old)} and cannot become {_shown(now)}: set it back, or {instead}"


def _store(values: Mapping[str, Any]) -> str:
    return next((name for path, name in _STORES.items() if values.get(path) is True), "SQLite")


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

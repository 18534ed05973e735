# SPDX-License-Identifier: Apache-2.0
"""Whether a resource quota leaves room for what runs in the control plane's namespace.

A quota that is too small shows as pods that are never made, one layer after the one that was asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .paths import Values, at

#: The chart's own figures, from its values.yaml.
DEFAULT_QUOTA: dict[str, Any] = {
    "requests.cpu": 10,
    "requests.memory": "20Gi",
    "requests.storage": "100Gi",
    "requests.ephemeral-storage": "60Gi",
    "limits.cpu": 20,
    "limits.memory": "40Gi",
    "limits.ephemeral-storage": "160Gi",
    "count/pods": 20,
    "count/persistentvolumeclaims": 20,
}
DEFAULT_LIMITS = {"cpu": "1", "memory": "512Mi", "ephemeral-storage": "8Gi"}
DEFAULT_REQUESTS = {"cpu": "100m", "memory": "128Mi", "ephemeral-storage": "3Gi"}
_CONTROL_PLANE = {
    "requests": {"cpu": "200m", "memory": "256Mi", "ephemeral-storage": "400Mi"},
    "limits": {"memory": "2Gi", "ephemeral-storage": "8Gi"},
}
_ETCD = {"requests": {"cpu": "20m", "memory": "150Mi"}, "limits": {}}
_VOLUME = "5Gi"
#: The defaults of the role api_load_balancer.
_ENVOY = {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}
_KUBE_VIP = {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}}

_UNITS = {"": Decimal(1), "m": Decimal("0.001"), "k": Decimal(1000)}
_UNITS.update({unit: Decimal(1000) ** (power + 2) for power, unit in enumerate("MGTPE")})
_UNITS.update({f"{unit}i": Decimal(1024) ** (power + 1) for power, unit in enumerate("KMGTPE")})
_QUANTITY = re.compile(r"^([0-9]+(?:\.[0-9]+)?)(m|k|[KMGTPE]i|[MGTPE])?$")


@dataclass(frozen=True)
class Pods:
    """Equal pods: how many, what each of their containers asks for, and the size of each pod's volume."""

    name: str
    count: int
    containers: tuple[Mapping[str, Mapping[str, Any]], ...]
    volume: str | None = None


def quantity(value: Any) -> Decimal | None:
    """A Kubernetes quantity as a number; None for what is none."""
    found = _QUANTITY.match(str(value).strip())
    return Decimal(found[1]) * _UNITS[found[2] or ""] if found else None


def mistakes(values: Values, load_balancers: int, room: Mapping[str, Any], stateful: bool) -> Iterator[tuple[str, str]]:
    """Where the quota and the limit range of these values are too small: path, and what is wrong.

    `load_balancers` is how many of the collection's load balancer pods are there; `room` is what else must fit;
    `stateful` says whether the control plane has volumes.
    """
    quota_on = _on(values, "policies.resourceQuota.enabled", "policies.limitRange.enabled")
    limits_on = _on(values, "policies.limitRange.enabled", "policies.resourceQuota.enabled")
    pods = _pods(values, load_balancers, stateful)
    if limits_on:
        yield from _beyond_limits(values, pods)
    if not quota_on:
        return
    hard = {**DEFAULT_QUOTA, **(at(values, "policies.resourceQuota.quota") or {})}
    for name, value in sorted(hard.items()):
        path = f"policies.resourceQuota.quota.{name}"
        allowed = quantity(value)
        if value is None:
            continue
        if allowed is None:
            yield path, f"'{value}' is no quantity such as 10, 500m or 20Gi"
            continue
        if not limits_on and name in ("limits.cpu", "requests.cpu", "limits.memory", "requests.memory"):
            lacking = [each.name for each in pods if any(_asked(each, name, index, {}) is None for index in _all(each))]
            if lacking:
                yield (
                    path,
                    f"the API refuses pods that do not name it, as of {_listed(lacking)}: enable the limit range",
                )
                continue
        needs = {each.name: _needed(each, name, _defaults(values, name) if limits_on else {}) for each in pods}
        needs["room for others"] = quantity((room or {}).get(name, 0)) or Decimal(0)
        total = sum(needs.values(), Decimal(0))
        if total > allowed:
            told = ", ".join(f"{who} {_shown(what, name)}" for who, what in needs.items() if what)
            yield path, f"{value} is too little: {told} need {_shown(total, name)}"


def _on(values: Values, path: str, other: str) -> bool:
    """The chart's `auto` follows the other of the two."""
    own = at(values, path)
    return own is True or (own in (None, "auto") and at(values, other) is True)


def _pods(values: Values, load_balancers: int, stateful: bool) -> list[Pods]:
    own = at(values, "controlPlane.statefulSet.resources") or {}
    resources = {each: {**_CONTROL_PLANE[each], **(own.get(each) or {})} for each in ("requests", "limits")}
    replicas = int(at(values, "controlPlane.statefulSet.highAvailability.replicas") or 1)
    size = at(values, "controlPlane.statefulSet.persistence.volumeClaim.size") or _VOLUME
    pods = [Pods("control plane", replicas, (resources,), size if stateful else None)]
    etcd = at(values, "controlPlane.backingStore.etcd.deploy") or {}
    if etcd.get("enabled") is True:
        count = int(at(etcd, "statefulSet.highAvailability.replicas") or 1)
        claim = at(etcd, "statefulSet.persistence.volumeClaim") or {}
        volume = None if claim.get("enabled") is False else claim.get("size") or _VOLUME
        pods.append(Pods("deployed etcd", count, (_ETCD,), volume))
    if load_balancers:
        pods.append(Pods("load balancer", load_balancers, (_ENVOY, _KUBE_VIP)))
    return pods


def _all(pods: Pods) -> range:
    return range(len(pods.containers))


def _asked(pods: Pods, name: str, index: int, defaults: Mapping[str, Any]) -> Decimal | None:
    which, _dot, resource = name.partition(".")
    own = (pods.containers[index].get(which) or {}).get(resource)
    return quantity(own if own is not None else defaults.get(resource))


def _defaults(values: Values, name: str) -> dict[str, Any]:
    """What a limit range gives to containers that name nothing."""
    requests = name.startswith("requests.")
    chosen = at(values, f"policies.limitRange.default{'Request' if requests else ''}") or {}
    return {**(DEFAULT_REQUESTS if requests else DEFAULT_LIMITS), **chosen}


def _needed(pods: Pods, name: str, defaults: Mapping[str, Any]) -> Decimal:
    if name in ("count/pods", "pods"):
        return Decimal(pods.count)
    if name in ("count/persistentvolumeclaims", "persistentvolumeclaims"):
        return Decimal(pods.count if pods.volume else 0)
    if name == "requests.storage":
        return Decimal(pods.count) * (quantity(pods.volume) or 0) if pods.volume else Decimal(0)
    if not name.startswith(("requests.", "limits.")):
        return Decimal(0)
    each = (_asked(pods, name, index, defaults) or Decimal(0) for index in _all(pods))
    return pods.count * sum(each, Decimal(0))


def _beyond_limits(values: Values, pods: list[Pods]) -> Iterator[tuple[str, str]]:
    """Containers that a limit range would refuse."""
    for bound, which, wrong in (("max", "limits", "more"), ("min", "requests", "less")):
        for resource, value in sorted((at(values, f"policies.limitRange.{bound}") or {}).items()):
            edge = quantity(value)
            path = f"policies.limitRange.{bound}.{resource}"
            if edge is None:
                yield path, f"'{value}' is no quantity such as 10, 500m or 20Gi"
                continue
            for each in pods:
                asked = [_asked(each, f"{which}.{resource}", index, {}) for index in _all(each)]
                beyond = [one for one in asked if one is not None and (one > edge if bound == "max" else one < edge)]
                if beyond:
                    found = _shown(beyond[0], f"{which}.{resource}")
                    yield path, f"a container of {each.name} has {found} as its {which}, {wrong} than {value}"


def _listed(names: list[str]) -> str:
    return " and ".join(dict.fromkeys(names))


def _shown(value: Decimal, name: str) -> str:
    if not name.endswith(("memory", "storage")):
        return f"{value.normalize():f}"
    for unit in ("Gi", "Mi"):
        amount = value / _UNITS[unit]
        if amount >= 1:
            return f"{amount.quantize(Decimal('0.01')).normalize():f}{unit}"
    return f"{value.normalize():f}"

# SPDX-License-Identifier: Apache-2.0
"""Which Kubernetes a release runs, which one another chart or other values would make it, and the step between them.

Pure. A chart brings a version of its own, so that a new chart alone can be a new Kubernetes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._kube import versions
from .paths import Values, at

_VERSION, _TAG = "controlPlane.distro.k8s.version", "controlPlane.distro.k8s.image.tag"
#: By these a chart and its values say which Kubernetes it is; the version wins, wherever it comes from.
PATHS = (_VERSION, _TAG)
_VARIABLES = {_VERSION: "tenant_cluster_kubernetes_version", _TAG: "tenant_cluster_images.kubernetes"}


@dataclass(frozen=True)
class Brought:
    """A chart by its version, and what it says of `PATHS` where nobody says anything else; None if that is unknown."""

    version: str | None
    defaults: Mapping[str, Any] | None


@dataclass(frozen=True)
class Step:
    """What would become of the Kubernetes version; empty where that is unknown."""

    running: str
    wanted: str
    #: The path that decides; empty if it is the chart.
    by: str
    chart: str
    #: Whether only the chart itself could tell.
    unknown: bool


def brought(version: str | None, values: Values | None) -> Brought:
    """`values`: those of the chart itself."""
    return Brought(version, None if values is None else {path: at(values, path) for path in PATHS})


def step(deployed: Mapping[str, Any], was: Brought, values: Values, shall: Brought) -> Step:
    """`deployed`: values of the release by path, as `immutable.kept` finds them; `values`: those that it shall have."""
    running, _by = _chosen(deployed, was.defaults or {})
    own = {path: at(values, path) for path in PATHS}
    same_chart = shall.version is not None and shall.version == was.version
    defaults = was.defaults if shall.defaults is None and same_chart else shall.defaults
    wanted, by = _chosen(own, defaults or {})
    # Without the chart's word a tag of ours could still give way to a version of the chart's; no chart has one.
    return Step(running, wanted, by, shall.version or "", unknown=not wanted and defaults is None)


def refusal(change: Step, upgrade: bool) -> str:
    """Why the change is not made, and what to do; empty if it may be. `upgrade`: nodes follow it, one minor is fine.

    A version that is none, such as a tag of somebody's own mirror, says nothing of a step and is not judged.
    """
    was, to = versions.parse(change.running), versions.parse(change.wanted)
    if was is None:
        return ""
    if change.unknown:
        return (
            f"{_by(change)} brings a Kubernetes of its own, which cannot be told from here; {was} runs. Set"
            f" tenant_cluster_kubernetes_version to {was}, which changes the chart alone; another minor is then a"
            " matter for the playbook tenant_upgrade"
        )
    taken = versions.step(was, to) if to else versions.Step.NONE
    if taken in (versions.Step.NONE, versions.Step.PATCH, versions.Step.PATCH_BACK):
        return ""
    told = f"{_by(change)} is Kubernetes {to}, and {was} runs"
    stay = f"set tenant_cluster_kubernetes_version to {was} to stay at that"
    if taken is versions.Step.BACK:
        return f"{told}; Kubernetes cannot go back: {stay}, or restore a snapshot from before the upgrade"
    if taken is versions.Step.SKIP:
        following = f"v{was.major}.{was.minor + 1}"
        return (
            f"{told}; that skips a minor, and nodes have to follow each: {stay}, or to a version of {following} and run"
            " the playbook tenant_upgrade first"
        )
    if upgrade:
        return ""
    return (
        f"{told}; nodes have to follow another minor: {stay}, or to {to} and run the playbook tenant_upgrade, which"
        " takes them along"
    )


def _chosen(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[str, str]:
    """The version, and by which path the values say it; that is empty for a chart's default."""
    for path in PATHS:
        for source, by in ((values, path), (defaults, "")):
            if source.get(path):
                return str(source[path]), by
    return "", ""


def _by(change: Step) -> str:
    if change.by:
        return _VARIABLES[change.by]
    return f"tenant_cluster_chart_version: the chart {change.chart}".rstrip()

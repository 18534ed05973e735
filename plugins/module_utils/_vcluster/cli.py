# SPDX-License-Identifier: Apache-2.0
"""vCluster's command line: what it is told, and whether a release leaves it anything to do.

Pure. Source: vCluster's pkg/cli/create_helm.go, pkg/cli/delete_helm.go and config/default_extra_values.go, 0.36.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from . import immutable
from .paths import Values

#: Its own state, kept apart from the user's: without telemetry it adds nothing that differs from machine to machine.
STATE: dict[str, Any] = {"telemetryDisabled": True}
#: What it adds to the values that it is given, whoever calls it.
_ADDED = "telemetry"
#: It asks GitHub for a newer version otherwise, at every call.
_ENVIRONMENT = {"VCLUSTER_SKIP_VERSION_CHECK": "true"}
#: By these Helm would go to another cluster or namespace than that of the kubeconfig it is given, as somebody else, or
#: keep its records elsewhere.
_OF_HELM = ("HELM_KUBE", "HELM_NAMESPACE", "HELM_DRIVER")


@dataclass(frozen=True)
class Chart:
    """A chart by its name in a repository, or by a path, for which repository and version do not matter."""

    name: str
    repository: str | None
    version: str | None
    is_path: bool

    @property
    def arguments(self) -> list[str]:
        if self.is_path:
            return [f"--local-chart-dir={self.name}"]
        version = [f"--chart-version={self.version}"] if self.version else []
        return [f"--chart-name={self.name}", f"--chart-repo={self.repository or ''}", *version]


def create(name: str, namespace: str, chart: Chart, values_file: str, state_file: str) -> list[str]:
    """Arguments that make a release, or bring the one that there is to the chart and the values."""
    return [
        "create",
        name,
        f"--namespace={namespace}",
        f"--config={state_file}",
        "--driver=helm",
        "--upgrade",
        # It would change the user's current context, and forward ports in the background.
        "--connect=false",
        "--background-proxy=false",
        # It would register the tenant cluster in the Platform that somebody is logged in to.
        "--add=false",
        # On a host cluster that it takes for a laptop's it would add a node port to the values.
        "--expose-local=false",
        # A value that could be read as base64 would be: the dot in the file's name is none of that alphabet.
        f"--values={values_file}",
        *chart.arguments,
    ]


def delete(name: str, namespace: str, state_file: str) -> list[str]:
    """Arguments that remove the release; volumes and namespace are its maker's to remove, all of them and seen gone."""
    return [
        "delete",
        name,
        f"--namespace={namespace}",
        f"--config={state_file}",
        "--driver=helm",
        "--keep-pvc",
        "--auto-delete-namespace=false",
        "--ignore-not-found",
    ]


def environment(of_the_user: Mapping[str, str]) -> dict[str, str]:
    """The user's, without what would lead it past the kubeconfig that it is given."""
    kept = {name: value for name, value in of_the_user.items() if not name.startswith(_OF_HELM)}
    return {**kept, **_ENVIRONMENT}


@dataclass(frozen=True)
class Release:
    """The newest of Helm's records of a release."""

    status: str
    chart_version: str | None
    values: Mapping[str, Any]

    def differs(self, values: Values, chart_version: str | None) -> bool:
        """Whether there is anything to do; without a version, whatever the release has is right."""
        if self.status != "deployed" or own_values(self.values, values) != dict(values):
            return True
        return chart_version is not None and chart_version.removeprefix("v") != self.chart_version


def newest(records: Iterable[Mapping[str, Any]]) -> Release | None:
    """None where there is no record at all; one that cannot be read has no values, so that it differs from any."""
    labelled = [(each, (each.get("metadata") or {}).get("labels") or {}) for each in records]
    if not labelled:
        return None
    record, labels = max(labelled, key=lambda each: int(each[1].get("version") or 0))
    release = immutable.helm_release(record) or {}
    metadata = (release.get("chart") or {}).get("metadata") or {}
    version = metadata.get("version")
    return Release(
        str(labels.get("status") or "unknown"), str(version) if version else None, dict(release.get("config") or {})
    )


def own_values(recorded: Values, wanted: Values) -> dict[str, Any]:
    """The values of a release without what the command line has added to those that it was given."""
    ours = wanted.get(_ADDED)
    known = set(ours) if isinstance(ours, Mapping) else set()
    theirs = recorded.get(_ADDED)
    if not isinstance(theirs, Mapping):
        return dict(recorded)
    left = {key: value for key, value in theirs.items() if key in known}
    rest = {key: value for key, value in recorded.items() if key != _ADDED}
    return {**rest, _ADDED: left} if left or _ADDED in wanted else rest

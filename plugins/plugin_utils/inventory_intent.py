# SPDX-License-Identifier: Apache-2.0
"""The way from Ansible's variables to the intent: the only place that knows hostvars."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible_collections.baremetal.fabric.plugins.module_utils._intent import IntentError, Model, Problem, build_model
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.build import (
    GROUPS,
    SHARED_NODE_CLUSTERS_GROUP,
    SWITCHES_GROUP,
    TENANT_CLUSTERS_GROUP,
)
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.control_plane_variables import (
    DEFAULT_CHART,
    DEFAULT_CHART_VERSION,
)
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.variables import PREFIXES
from ansible_collections.baremetal.fabric.plugins.module_utils._vcluster import chart as charts

_OF_TENANTS = (TENANT_CLUSTERS_GROUP, SHARED_NODE_CLUSTERS_GROUP)
#: Their variables that the environment may hold instead, with the key where it is one of a dictionary.
_FROM_ENVIRONMENT = (
    ("tenant_cluster_platform", "host", "VCLUSTER_PLATFORM_HOST"),
    ("tenant_cluster_platform_access_key", None, "VCLUSTER_PLATFORM_ACCESS_KEY"),
)


def model_of(task_vars: Mapping[str, Any]) -> Model:
    """The whole inventory's intent; raises IntentError with all mistakes.

    Only variables with our prefixes are resolved: others may hold templates that make no sense outside their tasks.
    """
    groups: Mapping[str, Sequence[str]] = task_vars["groups"]
    all_vars: Mapping[str, Mapping[str, Any]] = task_vars["hostvars"]
    values: dict[str, dict[str, Any]] = {}
    unresolved: dict[tuple[str, str], list[str]] = {}
    for host in sorted({host for group in (*GROUPS, SWITCHES_GROUP) for host in groups.get(group, ())}):
        hostvars = all_vars[host]
        values[host] = {}
        for name in hostvars:
            if not name.startswith(PREFIXES):
                continue
            try:
                values[host][name] = hostvars[name]
            except AnsibleError as error:
                unresolved.setdefault((name, f"cannot be resolved: {error}"), []).append(host)
    for host in {host for group in _OF_TENANTS for host in groups.get(group, ())}:
        _fill_in(values[host])
    return build_model(values, groups, _once(unresolved, len(values)), find_chart)


def _fill_in(variables: dict[str, Any]) -> None:
    """What the environment has to say where the inventory says nothing."""
    for name, key, variable in _FROM_ENVIRONMENT:
        text = os.environ.get(variable)
        if not text:
            continue
        if key is None:
            variables[name] = variables.get(name) or text
        elif isinstance(given := variables.get(name) or {}, Mapping) and not given.get(key):
            variables[name] = {**given, key: text}


def find_chart(variables: Mapping[str, Any]) -> charts.Chart | None:
    """The chart of a tenant cluster, if it is a path or Helm has downloaded it before; nothing is fetched for it."""
    named = str(variables.get("tenant_cluster_chart_schema") or "")
    if named:
        return _read(Path(named).expanduser())
    chart = str(variables.get("tenant_cluster_chart") or DEFAULT_CHART)
    version = str(variables.get("tenant_cluster_chart_version") or DEFAULT_CHART_VERSION)
    path = charts.find(chart, version, helm_caches())
    return _read(path) if path else None


@functools.lru_cache(maxsize=16)
def _read(path: Path) -> charts.Chart:
    return charts.read(path)


def helm_caches() -> list[Path]:
    """Where Helm keeps the charts that it has downloaded."""
    home = os.environ.get("HELM_CACHE_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "helm")
    own = os.environ.get("HELM_REPOSITORY_CACHE")
    return [Path(each).expanduser() for each in (own, Path(home, "repository")) if each]


def _once(unresolved: Mapping[tuple[str, str], Sequence[str]], hosts: int) -> list[Problem]:
    """One problem for what all hosts share, else one for each of them."""
    problems = []
    for (name, message), holders in unresolved.items():
        paths = [name] if len(holders) == hosts else [f"{host}.{name}" for host in holders]
        problems += [Problem(path, message) for path in paths]
    return problems


def failure(result: dict[str, Any], error: IntentError) -> dict[str, Any]:
    """The task's result for an intent that cannot be carried out."""
    result.update(
        failed=True,
        msg=str(error),
        problems=[{"path": each.path, "message": each.message} for each in error.problems],
    )
    return result


def names(value: Any) -> list[str]:
    """A list of names from a list or from text with commas, as -e gives it."""
    if value is None:
        return []
    parts = value.split(",") if isinstance(value, str) else list(value)
    return list(dict.fromkeys(str(part).strip() for part in parts if str(part).strip()))

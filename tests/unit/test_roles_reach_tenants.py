# SPDX-License-Identifier: Apache-2.0
"""Every role finds a tenant cluster's API whatever runs its control plane, by the credentials meant for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

REPOSITORY = Path(__file__).parents[2]
#: Roles that are about one tenant cluster and work on the host cluster.
OF_TENANTS = (
    "api_load_balancer",
    "node_join",
    "node_leave",
    "server_move",
    "tenant_cluster",
    "tenant_network",
    "tenant_upgrade",
    "vm_node",
)


def files(role: str) -> list[Path]:
    return sorted(
        path
        for folder in ("defaults", "tasks", "vars")
        for path in (REPOSITORY / "roles" / role / folder).glob("*.yml")
    )


def mappings(found: Any) -> Iterator[dict[str, Any]]:
    if isinstance(found, dict):
        yield found
        for each in found.values():
            yield from mappings(each)
    elif isinstance(found, list):
        for each in found:
            yield from mappings(each)


@pytest.mark.parametrize("role", OF_TENANTS)
def test_the_way_into_a_tenant_cluster_names_its_backend(role: str) -> None:
    """Without it a control plane of Kamaji's is looked for by the Secret of vCluster's."""
    ways = [
        (path.name, each)
        for path in files(role)
        for each in mappings(yaml.safe_load(path.read_text()))
        if {"namespace", "server_name"} <= set(each)
    ]
    assert [name for name, each in ways if "backend" not in each] == []


@pytest.mark.parametrize("role", OF_TENANTS)
def test_the_tenant_clusters_own_credentials_come_first(role: str) -> None:
    default = REPOSITORY / "roles/tenant_cluster/defaults/main.yml"  # is the variable itself
    wrong = [
        f"{path.name}: {line.strip()}"
        for path in files(role)
        if path != default
        for line in path.read_text().splitlines()
        if "fabric_host_cluster.kubeconfig" in line and "tenant_cluster_host_kubeconfig" not in line
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("of_the_target", "endpoint"),
    [
        ({}, "192.168.67.253:443"),
        ({"tenant_cluster_backend": "kamaji"}, "192.168.67.253:6443"),
        ({"tenant_cluster_backend": "kamaji", "tenant_cluster_api_port": 8443}, "192.168.67.253:8443"),
    ],
)
def test_a_move_looks_for_the_endpoint_that_nodes_report_to(of_the_target: dict[str, Any], endpoint: str) -> None:
    """By another port a server that is in its place would be taken for another cluster's, and drained."""
    text = (REPOSITORY / "roles/server_move/vars/main.yml").read_text()
    variables = {name: trust_as_template(value) for name, value in yaml.safe_load(text).items()}
    blue = {"fabric_vip": "192.168.67.253", **of_the_target}
    variables |= {"hostvars": {"blue": blue}, "server_move_target": "blue"}
    templar = Templar(loader=DataLoader(), variables=variables)
    assert templar.template(trust_as_template("{{ __server_move_endpoint }}")) == endpoint

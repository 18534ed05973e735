# SPDX-License-Identifier: Apache-2.0
"""What each way of installing vCluster needs is told before anything is touched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._intent import IntentError
from ansible_collections.baremetal.fabric.plugins.plugin_utils import inventory_intent

from .conftest import Inventory

Only = Callable[[dict[str, str], str], str]
PLATFORM: dict[str, Any] = {"host": "platform.example.test", "project": "default"}


def by_platform(inventory: Inventory, **variables: Any) -> Inventory:
    complete = {
        "tenant_cluster_way": "platform",
        "tenant_cluster_platform": PLATFORM,
        "tenant_cluster_platform_access_key": "not-a-real-key",
        "tenant_cluster_licence_tier": "Free",
    }
    return inventory.set("blue", **{**complete, **variables})


def test_every_way(inventory: Inventory) -> None:
    inventory.model()
    inventory.set("blue", tenant_cluster_way="cli").model()
    by_platform(inventory).model()


def test_unknown_way(inventory: Inventory, only: Only) -> None:
    message = only(inventory.set("blue", tenant_cluster_way="argo").problems(), "blue.tenant_cluster_way")
    assert message == "'argo' is none of helm, cli, platform"


def test_all_that_the_platform_needs_is_told_at_once(inventory: Inventory) -> None:
    inventory.set("blue", tenant_cluster_way="platform")
    assert set(inventory.problems()) == {
        "blue.tenant_cluster_platform.host",
        "blue.tenant_cluster_platform.project",
        "blue.tenant_cluster_platform_access_key",
        "blue.tenant_cluster_licence_tier",
    }


@pytest.mark.parametrize(
    ("variables", "path", "says"),
    [
        ({"tenant_cluster_platform": {**PLATFORM, "host": "http://x"}}, "tenant_cluster_platform.host", "no https://"),
        ({"tenant_cluster_platform": {**PLATFORM, "project": "My"}}, "tenant_cluster_platform.project", "DNS-1123"),
        ({"tenant_cluster_platform": {**PLATFORM, "cluster": ""}}, "tenant_cluster_platform.cluster", ""),
        (
            {"tenant_cluster_platform": {**PLATFORM, "user": "a", "team": "b"}},
            "tenant_cluster_platform.team",
            "not to both",
        ),
        (
            {"tenant_cluster_platform": {**PLATFORM, "projekt": "x"}},
            "tenant_cluster_platform.projekt",
            "did you mean project",
        ),
        ({"tenant_cluster_licence": {"accessKey": "x"}}, "tenant_cluster_licence", "is for other ways"),
        ({"tenant_cluster_chart": "/charts/vcluster"}, "tenant_cluster_chart", "not a path"),
        ({"tenant_cluster_licence_tier": "Gold"}, "tenant_cluster_licence_tier", "is none of"),
        (
            {"api_load_balancer_mode": "kube_vip_embedded", "tenant_cluster_api_port": 8443},
            "tenant_cluster_licence_tier",
            "your licence is Free",
        ),
    ],
)
def test_mistakes_with_the_platform(
    inventory: Inventory, only: Only, variables: dict[str, Any], path: str, says: str
) -> None:
    assert says in only(by_platform(inventory, **variables).problems(), f"blue.{path}")


def test_the_command_line_takes_no_oci_chart(inventory: Inventory, only: Only) -> None:
    inventory.set("blue", tenant_cluster_way="cli", tenant_cluster_chart="oci://example.test/vcluster")
    assert "takes a name in a repository" in only(inventory.problems(), "blue.tenant_cluster_chart")


@pytest.mark.parametrize("way", ["cli", "platform"])
def test_kamaji_has_one_way(inventory: Inventory, only: Only, way: str) -> None:
    by_platform(inventory, tenant_cluster_way=way, tenant_cluster_backend="kamaji")
    inventory.set("blue", tenant_cluster_kubernetes_version="v1.35.0")
    message = only(inventory.problems(), "blue.tenant_cluster_way")
    assert message == f"{way} is a way of vCluster's, and Kamaji runs this one: leave it out"


def test_shared_nodes_have_all_ways(inventory: Inventory) -> None:
    amber: dict[str, Any] = {"tenant_cluster_backing_store": {"kind": "deployed_etcd"}, "tenant_cluster_way": "cli"}
    inventory.groups["shared_node_clusters"] = []
    inventory.add("shared_node_clusters", "amber", **amber).model()
    inventory.set("amber", tenant_cluster_way="platform")
    assert "amber.tenant_cluster_platform.project" in inventory.problems()


# --- the environment


@pytest.fixture
def hosts(inventory: Inventory) -> dict[str, Any]:
    inventory.set("blue", tenant_cluster_way="platform", tenant_cluster_platform={"project": "default"})
    inventory.set("blue", tenant_cluster_licence_tier="Free")
    return {"groups": inventory.groups, "hostvars": inventory.hostvars}


def test_host_and_key_may_come_from_the_environment(hosts: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VCLUSTER_PLATFORM_HOST", "platform.example.test")
    monkeypatch.setenv("VCLUSTER_PLATFORM_ACCESS_KEY", "not-a-real-key")
    inventory_intent.model_of(hosts)
    assert hosts["hostvars"]["blue"]["tenant_cluster_platform"] == {"project": "default"}


def test_without_them_both_are_asked_for(hosts: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VCLUSTER_PLATFORM_HOST", "http://platform.example.test")
    monkeypatch.delenv("VCLUSTER_PLATFORM_ACCESS_KEY", raising=False)
    with pytest.raises(IntentError) as caught:
        inventory_intent.model_of(hosts)
    assert {problem.path for problem in caught.value.problems} == {
        "blue.tenant_cluster_platform.host",
        "blue.tenant_cluster_platform_access_key",
    }


def test_the_roles_defaults_are_the_intents() -> None:
    """The dictionary is the user's as a whole: its defaults are said once more where the role reads it."""
    import yaml
    from ansible_collections.baremetal.fabric.plugins.module_utils._intent.control_plane_variables import CONTROL_PLANE

    role = Path(__file__).parents[3] / "roles" / "tenant_cluster"
    said = yaml.safe_load((role / "vars" / "main.yml").read_text())["__tenant_cluster_platform_defaults"]
    declared = CONTROL_PLANE["tenant_cluster_platform"]["properties"]
    assert said == {name: each["default"] for name, each in declared.items() if "default" in each}

# SPDX-License-Identifier: Apache-2.0
"""Which hosts a play is about, and what `--limit` may leave out."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._intent import IntentError
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.targets import (
    Targets,
    check_unreachable,
    select,
    select_servers,
)

from .conftest import GROUPS, WIDE, Inventory

EVERYONE = [host for hosts in GROUPS.values() for host in hosts]
SHARED = GROUPS["shared_servers"]
HOST = WIDE["fabric_host_cluster"]["kubeconfig"]


def chosen(inventory: Inventory, selected: list[str], hosts: list[str], **options: Any) -> Targets:
    return select(inventory.model(), selected, hosts, **options)


def refused(inventory: Inventory, selected: list[str], hosts: list[str], **options: Any) -> dict[str, str]:
    with pytest.raises(IntentError) as caught:
        chosen(inventory, selected, hosts, **options)
    return {each.path: each.message for each in caught.value.problems}


def test_all_by_default(inventory: Inventory) -> None:
    targets = chosen(inventory, [], EVERYONE)
    assert targets == Targets(["blue", "green"], SHARED, ["metal1", "metal2"], [], host_kubeconfig=HOST)


def test_one_by_name(inventory: Inventory) -> None:
    inventory.set("blue", fabric_shared_servers=["shared3"])
    assert chosen(inventory, ["blue"], EVERYONE).hosts == ["blue", "shared3", "metal1"]


def test_one_by_limit(inventory: Inventory) -> None:
    assert chosen(inventory, [], ["blue", "metal1", *SHARED]).tenant_clusters == ["blue"]


def test_all_shared_servers_for_the_host_cluster(inventory: Inventory) -> None:
    assert chosen(inventory, [], EVERYONE, all_by_default=False, host_cluster=True) == Targets(
        [], SHARED, [], [], host_kubeconfig=HOST
    )


def test_unknown_name(inventory: Inventory) -> None:
    assert refused(inventory, ["blue", "gren"], EVERYONE) == {
        "fabric_tenants": "no tenant cluster 'gren'; known: blue, green"
    }


def test_limit_to_the_tenant_cluster_alone(inventory: Inventory) -> None:
    assert refused(inventory, [], ["blue"]) == {
        "--limit": "leaves out shared1, shared2, shared3, metal1, which blue needs; leave it away and use"
        " -e fabric_tenants=blue, or limit to 'shared_servers:tenant_blue'"
    }


def test_limit_without_any_tenant_cluster(inventory: Inventory) -> None:
    assert refused(inventory, [], ["metal1"])["--limit"].startswith("leaves no tenant cluster; ")


def test_limit_with_a_name_that_it_leaves_out(inventory: Inventory) -> None:
    assert "leaves out blue, " in refused(inventory, ["blue"], SHARED)["--limit"]


def test_limit_of_the_host_cluster(inventory: Inventory) -> None:
    message = refused(inventory, [], ["shared1"], all_by_default=False, host_cluster=True)["--limit"]
    assert message == "leaves out shared2, shared3, which the host cluster needs; leave it away"


def test_deleting_asks_for_names(inventory: Inventory) -> None:
    found = refused(inventory, [], EVERYONE, all_by_default=False, variable="fabric_delete")
    assert found == {
        "fabric_delete": "names no tenant cluster; say which ones, for example -e fabric_delete=<name>[,<name>]"
    }


def servers(inventory: Inventory, selected: list[str], hosts: list[str]) -> Targets:
    return select_servers(inventory.model(), selected, hosts, "fabric_server")


def test_servers_by_name_need_all_tenant_clusters(inventory: Inventory) -> None:
    assert servers(inventory, ["metal3"], EVERYONE) == Targets(
        ["blue", "green"], [], ["metal3"], [], host_kubeconfig=HOST
    )


@pytest.mark.parametrize(
    ("selected", "hosts", "path", "message"),
    [
        (
            [],
            EVERYONE,
            "fabric_server",
            "names no server; say which ones, for example -e fabric_server=<name>[,<name>]",
        ),
        (
            ["metal1", "metal9", "shared1"],
            EVERYONE,
            "fabric_server",
            "no bare-metal server 'metal9', 'shared1'; known: metal1, metal2, metal3",
        ),
        (["metal1"], ["metal1"], "--limit", "leaves out blue, green; leave it away and use -e fabric_server=<name>"),
    ],
)
def test_servers_that_cannot_be_meant(
    inventory: Inventory, selected: list[str], hosts: list[str], path: str, message: str
) -> None:
    with pytest.raises(IntentError) as caught:
        servers(inventory, selected, hosts)
    assert [(each.path, each.message) for each in caught.value.problems] == [(path, message)]


def test_only_bare_metal_servers_can_be_done_without(inventory: Inventory) -> None:
    check_unreachable(inventory.model(), ["metal2"])
    with pytest.raises(IntentError, match=r"fabric_unreachable.*'shared1'"):
        check_unreachable(inventory.model(), ["metal2", "shared1"])


def test_the_host_cluster_is_asked_by_credentials_of_a_tenant_clusters_own(inventory: Inventory) -> None:
    """Only where each has some: those of one say nothing of another that has none."""
    inventory.set("blue", tenant_cluster_host_kubeconfig="/own/blue")
    assert inventory.model().tenant_clusters["blue"].host_kubeconfig == "/own/blue"
    assert inventory.model().tenant_clusters["green"].host_kubeconfig == HOST
    assert chosen(inventory, ["blue"], EVERYONE).host_kubeconfig == "/own/blue"
    assert chosen(inventory, [], EVERYONE).host_kubeconfig == HOST
    assert chosen(inventory, [], EVERYONE, host_cluster=True).host_kubeconfig == HOST
    inventory.set("green", tenant_cluster_host_kubeconfig="/own/green")
    assert chosen(inventory, [], EVERYONE).host_kubeconfig == "/own/blue"

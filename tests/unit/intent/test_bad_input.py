# SPDX-License-Identifier: Apache-2.0
"""One test per mistake that an inventory can hold; each is the only complaint, so it is one clear message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._intent import IntentError, Problem, build_model

from .conftest import Inventory

Only = Callable[[dict[str, str], str], str]


def test_all_mistakes_are_told_at_once(inventory: Inventory) -> None:
    inventory.set("metal1", fabric_tenant_cluster="bleu").set("blue", tenant_cluster_replicas=4)
    inventory.everywhere(fabric_bond="a-bond-too-long").host_cluster(gateway="nowhere")
    assert set(inventory.problems()) == {
        "metal1.fabric_tenant_cluster",
        "blue.tenant_cluster_replicas",
        "fabric_bond",
        "fabric_host_cluster.gateway",
    }


def test_the_text_has_one_line_per_mistake(inventory: Inventory) -> None:
    inventory.set("metal1", fabric_tenant_cluster="bleu").set("metal2", fabric_tenant_cluster="gren")
    with pytest.raises(IntentError) as caught:
        inventory.model()
    assert str(caught.value).splitlines() == [
        "2 mistakes, nothing was touched:",
        "  - metal1.fabric_tenant_cluster: no tenant cluster 'bleu'; known: blue, green",
        "  - metal2.fabric_tenant_cluster: no tenant cluster 'gren'; known: blue, green",
    ]


def test_mistakes_found_before_are_kept(inventory: Inventory) -> None:
    with pytest.raises(IntentError) as caught:
        build_model(inventory.hostvars, inventory.groups, [Problem("blue.x", "cannot be resolved")])
    assert caught.value.problems == [Problem("blue.x", "cannot be resolved")]


# --- references


def test_unknown_tenant_cluster(inventory: Inventory, only: Only) -> None:
    inventory.set("metal1", fabric_tenant_cluster="bleu")
    message = only(inventory.problems(), "metal1.fabric_tenant_cluster")
    assert message == "no tenant cluster 'bleu'; known: blue, green"


def test_server_in_two_tenant_clusters_by_variable(inventory: Inventory, only: Only) -> None:
    inventory.set("metal1", fabric_tenant_cluster="blue,green")
    message = only(inventory.problems(), "metal1.fabric_tenant_cluster")
    assert message.startswith("server in two tenant clusters: blue, green")


def test_server_in_two_tenant_clusters_by_a_list(inventory: Inventory, only: Only) -> None:
    inventory.set("metal1", fabric_tenant_cluster=["blue", "green"])
    assert "must be a string" in only(inventory.problems(), "metal1.fabric_tenant_cluster")


def test_server_in_two_tenant_clusters_by_group(inventory: Inventory, only: Only) -> None:
    inventory.groups["tenant_green"] = ["green", "metal1"]
    message = only(inventory.problems(), "metal1.fabric_tenant_cluster")
    assert message == "server in two tenant clusters: 'blue' by this variable, 'green' by its group"


def test_server_in_two_tenant_clusters_under_two_names(inventory: Inventory, only: Only) -> None:
    inventory.set("metal2", fabric_netris_name="metal1")
    message = only(inventory.problems(), "metal2.fabric_netris_name")
    assert message == "'metal1' is also the Netris server of metal1 and would be in two tenant clusters: blue, green"


def test_one_netris_server_twice(inventory: Inventory, only: Only) -> None:
    inventory.set("metal3", fabric_netris_name="shared1")
    assert only(inventory.problems(), "metal3.fabric_netris_name") == "'shared1' is also the Netris server of shared1"


def test_extra_server_that_is_a_host(inventory: Inventory, only: Only) -> None:
    inventory.host_cluster(extra_servers=["metal3"])
    assert "inventory's host metal3" in only(inventory.problems(), "fabric_host_cluster.extra_servers[0]")


def test_host_in_two_groups(inventory: Inventory) -> None:
    inventory.groups["bare_metal"].append("shared1")
    assert inventory.problems()["shared1"].startswith("is in the groups shared_servers and bare_metal")


def test_shared_server_with_a_tenant_cluster(inventory: Inventory, only: Only) -> None:
    inventory.set("shared1", fabric_tenant_cluster="blue")
    assert "is for bare-metal servers" in only(inventory.problems(), "shared1.fabric_tenant_cluster")


def test_unknown_shared_server(inventory: Inventory, only: Only) -> None:
    inventory.set("blue", fabric_shared_servers=["shared1", "shared9"])
    message = only(inventory.problems(), "blue.fabric_shared_servers")
    assert message == "no shared server 'shared9'; known: shared1, shared2, shared3"


def test_no_shared_server_chosen(inventory: Inventory, only: Only) -> None:
    inventory.set("blue", fabric_shared_servers=[])
    assert only(inventory.problems(), "blue.fabric_shared_servers") == "must not be empty"


def test_no_shared_servers_at_all(inventory: Inventory) -> None:
    inventory.groups["shared_servers"] = []
    assert "the group has no hosts" in inventory.problems()["shared_servers"]


@pytest.mark.parametrize("chosen", [None, ["shared1", "shared2"]])
def test_more_replicas_than_shared_servers(inventory: Inventory, only: Only, chosen: list[str] | None) -> None:
    count = len(chosen or inventory.groups["shared_servers"])
    inventory.set("blue", tenant_cluster_replicas=count + 1, fabric_shared_servers=chosen)
    message = only(inventory.problems(), "blue.tenant_cluster_replicas")
    assert message.startswith(f"{count + 1} replicas need a shared server each, there are {count}: shared1, shared2")


def test_no_replica(inventory: Inventory, only: Only) -> None:
    inventory.set("blue", tenant_cluster_replicas=0)
    assert only(inventory.problems(), "blue.tenant_cluster_replicas") == "must be at least 1, not 0"


# --- addresses


def test_supernet_too_small_for_one_subnet(inventory: Inventory, only: Only) -> None:
    inventory.everywhere(fabric_tenant_supernet="192.168.64.0/23")
    message = only(inventory.problems(), "fabric_tenant_supernet")
    assert message == "192.168.64.0/23 is too small for a subnet of /22"


def test_supernet_too_small_for_all_tenant_clusters(inventory: Inventory, only: Only) -> None:
    inventory.everywhere(fabric_tenant_supernet="192.168.64.0/22")
    message = only(inventory.problems(), "fabric_tenant_supernet")
    assert message == "192.168.64.0/22 has room for 1 subnet of /22, there are 2 tenant clusters"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"gateway": "192.168.71.254/21", "api_endpoint": "192.168.71.253:6443"}, "host cluster's subnet"),
        ({"pod_cidr": "192.168.0.0/16", "gateway": "10.1.0.254/24", "api_endpoint": "10.1.0.1:6443"}, "pod range"),
        ({"service_cidr": "192.168.96.0/20"}, "host cluster's service range 192.168.96.0/20"),
    ],
)
def test_supernet_overlaps_the_host_cluster(
    inventory: Inventory, only: Only, changes: dict[str, str], told: str
) -> None:
    inventory.host_cluster(**changes)
    message = only(inventory.problems(), "fabric_tenant_supernet")
    assert message.startswith("tenant supernet 192.168.64.0/18 overlaps ")
    assert told in message


def test_supernet_overlaps_a_reserved_network(inventory: Inventory, only: Only) -> None:
    inventory.everywhere(fabric_reserved_networks=[{"name": "storage", "prefix": "192.168.80.0/24"}])
    message = only(inventory.problems(), "fabric_tenant_supernet")
    assert message == (
        "tenant supernet 192.168.64.0/18 overlaps reserved network 'storage' 192.168.80.0/24"
        " (fabric_reserved_networks[0].prefix)"
    )


@pytest.mark.parametrize("variable", ["tenant_cluster_pod_cidr", "tenant_cluster_service_cidr"])
def test_tenants_own_ranges_overlap_the_supernet(inventory: Inventory, only: Only, variable: str) -> None:
    inventory.set("blue", **{variable: "192.168.64.0/20"})
    message = only(inventory.problems(), f"blue.{variable}")
    assert "overlaps tenant supernet 192.168.64.0/18 (fabric_tenant_supernet)" in message


def test_pods_and_services_of_a_tenant_cluster_overlap(inventory: Inventory, only: Only) -> None:
    inventory.set("green", tenant_cluster_service_cidr="10.244.128.0/20")
    assert "overlaps service range" in only(inventory.problems(), "green.tenant_cluster_pod_cidr")


def test_host_clusters_own_ranges_overlap(inventory: Inventory, only: Only) -> None:
    inventory.host_cluster(pod_cidr="10.0.0.0/8", service_cidr="10.96.0.0/16")
    inventory.everywhere(fabric_reserved_networks=[])
    assert "host cluster's service range" in only(inventory.problems(), "fabric_host_cluster.pod_cidr")


def test_host_subnet_overlaps_the_management_network(inventory: Inventory, only: Only) -> None:
    inventory.host_cluster(gateway="10.77.5.254/24", api_endpoint="10.77.5.253:6443")
    assert "reserved network 'management'" in only(inventory.problems(), "fabric_host_cluster.gateway")


@pytest.mark.parametrize("length", [29, 30])
def test_prefix_length_without_room_for_the_address_plan(inventory: Inventory, only: Only, length: int) -> None:
    inventory.everywhere(fabric_tenant_prefix_length=length, fabric_gateway_host_number=2 ** (32 - length) - 2)
    if length == 29:
        # Six hosts: gateway, endpoint, three for the control plane and one for DHCP are room for one server.
        inventory.set("metal3", fabric_tenant_cluster="blue")
    problems = inventory.problems()
    message = only(problems, "fabric_tenant_prefix_length")
    assert f"a /{length} " in message
    assert "DHCP" in message


def test_replicas_beyond_the_subnet(inventory: Inventory) -> None:
    for number in range(4, 8):
        inventory.add("shared_servers", f"shared{number}")
    inventory.everywhere(fabric_tenant_prefix_length=29, fabric_gateway_host_number=6)
    inventory.set("blue", tenant_cluster_replicas=5)
    assert "control plane (5 addresses for blue)" in inventory.problems()["fabric_tenant_prefix_length"]


def test_gateway_number_outside_the_subnet(inventory: Inventory, only: Only) -> None:
    inventory.everywhere(fabric_tenant_prefix_length=24)
    message = only(inventory.problems(), "fabric_gateway_host_number")
    assert message == "host number 1022 lies outside a /24, which has 1 to 254"


@pytest.mark.parametrize(
    ("supernet", "told"),
    [
        ("192.168.64.1/18", "has host bits set; the network is 192.168.64.0/18"),
        ("192.168.64.0/33", "is not an IPv4 network"),
        ("fd00::/48", "is not an IPv4 network"),
        ("everything", "is not an IPv4 network"),
    ],
)
def test_invalid_supernet(inventory: Inventory, only: Only, supernet: str, told: str) -> None:
    inventory.everywhere(fabric_tenant_supernet=supernet)
    assert told in only(inventory.problems(), "fabric_tenant_supernet")


@pytest.mark.parametrize("gateway", ["192.168.55.254", "192.168.48.0/21", "192.168.55.255/21", "router"])
def test_invalid_host_gateway(inventory: Inventory, only: Only, gateway: str) -> None:
    inventory.host_cluster(gateway=gateway)
    assert gateway in only(inventory.problems(), "fabric_host_cluster.gateway")


@pytest.mark.parametrize(
    ("endpoint", "told"),
    [
        ("192.168.55.253", "is not address:port"),
        ("192.168.55.253:0", "is not address:port"),
        ("192.168.55.253:66000", "is not address:port"),
        ("api.example.com:6443", "is not address:port"),
        ("192.168.55.254:6443", "is the gateway's address"),
        ("192.168.99.1:6443", "lies outside the host cluster's subnet 192.168.48.0/21"),
    ],
)
def test_invalid_host_endpoint(inventory: Inventory, only: Only, endpoint: str, told: str) -> None:
    inventory.host_cluster(api_endpoint=endpoint)
    assert told in only(inventory.problems(), "fabric_host_cluster.api_endpoint")


@pytest.mark.parametrize("port", [0, 65536])
def test_api_port_out_of_range(inventory: Inventory, only: Only, port: int) -> None:
    inventory.set("blue", tenant_cluster_api_port=port)
    assert str(port) in only(inventory.problems(), "blue.tenant_cluster_api_port")


# --- names


def test_bond_too_long_for_its_vlan_interface(inventory: Inventory, only: Only) -> None:
    inventory.everywhere(fabric_bond="uplinkbond0")
    message = only(inventory.problems(), "fabric_bond")
    assert message == "interface name 'uplinkbond0.4094' has 16 characters, Linux allows 15"


def test_longest_bond_that_fits(inventory: Inventory) -> None:
    inventory.everywhere(fabric_bond="uplinkbond")
    assert inventory.model().fabric.bond == "uplinkbond"


def test_nic_name_too_long(inventory: Inventory, only: Only) -> None:
    inventory.everywhere(fabric_server_nics=["eth9", "enp129s0f0np0d1v"])
    assert "has 16 characters" in only(inventory.problems(), "fabric_server_nics[1]")


def test_nic_named_twice(inventory: Inventory, only: Only) -> None:
    inventory.everywhere(fabric_server_nics=["eth9", "eth9"])
    assert only(inventory.problems(), "fabric_server_nics[1]") == "'eth9' is named twice"


def test_bond_named_as_a_nic(inventory: Inventory, only: Only) -> None:
    inventory.everywhere(fabric_bond="eth9")
    assert "also one of fabric_server_nics" in only(inventory.problems(), "fabric_bond")


@pytest.mark.parametrize("name", ["Blue", "blue_1", "-blue", "blue.example"])
def test_tenant_name_is_no_dns_label(inventory: Inventory, only: Only, name: str) -> None:
    inventory.add("tenant_clusters", name)
    assert "DNS-1123" in only(inventory.problems(), name)


@pytest.mark.parametrize(
    ("length", "variables", "told"),
    [
        (46, {}, "set tenant_network_namespace"),
        (53, {"tenant_network_namespace": "short"}, "52 at most"),
        (64, {"tenant_network_namespace": "short", "tenant_cluster_namespace": "short-too"}, "at most 63"),
    ],
)
def test_tenant_name_too_long(
    inventory: Inventory, only: Only, length: int, variables: dict[str, str], told: str
) -> None:
    name = "a" * length
    inventory.add("tenant_clusters", name, **variables)
    assert told in only(inventory.problems(), name)


def test_longest_tenant_name(inventory: Inventory) -> None:
    inventory.add("tenant_clusters", "a" * 45)
    assert len(inventory.model().tenant_clusters["a" * 45].network_namespace) == 63


def test_namespace_is_no_dns_label(inventory: Inventory, only: Only) -> None:
    inventory.set("blue", tenant_cluster_namespace="Blue Team")
    assert "DNS-1123" in only(inventory.problems(), "blue.tenant_cluster_namespace")


def test_namespace_of_another_tenant_cluster(inventory: Inventory, only: Only) -> None:
    inventory.set("green", tenant_network_namespace="vcluster-blue")
    message = only(inventory.problems(), "green.tenant_network_namespace")
    assert message == "namespace 'vcluster-blue' is taken by blue.tenant_cluster_namespace"


def test_two_tenant_clusters_of_one_netris_name(inventory: Inventory, only: Only) -> None:
    inventory.set("green", fabric_netris_name="blue")
    assert only(inventory.problems(), "green.fabric_netris_name") == "'blue' is also the name of blue"


def test_tenant_cluster_named_as_the_host_cluster(inventory: Inventory, only: Only) -> None:
    inventory.add("tenant_clusters", "host")
    assert only(inventory.problems(), "host.fabric_netris_name") == "'host' is also the name of the host cluster"


def test_host_cluster_shares_the_tenants_template(inventory: Inventory, only: Only) -> None:
    inventory.everywhere(fabric_host_template="tenant-nodes")
    assert "is also fabric_tenant_template" in only(inventory.problems(), "fabric_host_template")


@pytest.mark.parametrize("variable", ["fabric_node_name", "fabric_hostname"])
def test_one_name_for_two_servers(inventory: Inventory, only: Only, variable: str) -> None:
    inventory.set("metal2", **{variable: "metal1"})
    assert only(inventory.problems(), f"metal2.{variable}") == "'metal1' is also set for metal1"


def test_one_mac_for_two_servers(inventory: Inventory, only: Only) -> None:
    inventory.set("metal1", fabric_nic_macs={"eth9": "0c:42:a1:00:00:09"})
    inventory.set("metal2", fabric_nic_macs={"eth9": "0C:42:A1:00:00:09"})
    assert "is also set for metal1" in only(inventory.problems(), "metal2.fabric_nic_macs")


def test_invalid_mac(inventory: Inventory, only: Only) -> None:
    inventory.set("metal1", fabric_nic_macs={"eth9": "0c42a1000009"})
    message = only(inventory.problems(), "metal1.fabric_nic_macs.eth9")
    assert message == "'0c42a1000009' does not look like 0c:42:a1:00:00:09"


def test_mac_of_an_unknown_nic(inventory: Inventory, only: Only) -> None:
    inventory.set("metal1", fabric_nic_macs={"eth8": "0c:42:a1:00:00:09"})
    assert "no such fabric NIC" in only(inventory.problems(), "metal1.fabric_nic_macs.eth8")


# --- shapes


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("fabric_site", ["Default"], "must be a string"),
        ("fabric_site", "", "must not be empty"),
        ("fabric_server_nics", "eth9", "must be a list"),
        ("fabric_server_nics", [], "must not be empty"),
        ("fabric_tenant_prefix_length", "twenty", "must be a whole number"),
        ("fabric_tenant_prefix_length", True, "must be a whole number"),
        ("fabric_tenant_prefix_length", 31, "must be at most 30"),
        ("fabric_gateway_host_number", 0, "must be at least 1"),
        ("fabric_host_cluster", "host", "must be a dictionary"),
        ("fabric_reserved_networks", {"management": "10.77.0.0/16"}, "must be a list"),
    ],
)
def test_wrong_type_or_value(inventory: Inventory, only: Only, variable: str, value: Any, told: str) -> None:
    inventory.everywhere(**{variable: value})
    assert told in only(inventory.problems(), variable)


def test_unknown_key(inventory: Inventory, only: Only) -> None:
    inventory.host_cluster(pod_cdir="10.9.0.0/16")
    message = only(inventory.problems(), "fabric_host_cluster.pod_cdir")
    assert message == "unknown key; did you mean pod_cidr?"


def test_required_key(inventory: Inventory, only: Only) -> None:
    inventory.everywhere(fabric_reserved_networks=[{"prefix": "10.9.0.0/16"}])
    assert only(inventory.problems(), "fabric_reserved_networks[0].name") == "is required"


@pytest.mark.parametrize("variable", ["fabric_tenant_supernet", "fabric_host_cluster"])
def test_required_variable(inventory: Inventory, variable: str) -> None:
    for values in inventory.hostvars.values():
        del values[variable]
    assert inventory.problems()[variable] == "is required"


def test_misspelt_variable_of_one_host(inventory: Inventory, only: Only) -> None:
    inventory.set("metal3", fabric_tennant_cluster="blue")
    message = only(inventory.problems(), "metal3.fabric_tennant_cluster")
    assert message == "unknown variable; did you mean fabric_tenant_cluster?"


def test_misspelt_variable_of_all_hosts(inventory: Inventory, only: Only) -> None:
    inventory.everywhere(fabric_sites="Default")
    assert only(inventory.problems(), "fabric_sites") == "unknown variable; did you mean fabric_site?"


def test_facts_and_foreign_variables_are_left_alone(inventory: Inventory) -> None:
    inventory.set("blue", fabric_vlan_id=3, fabric_vip="192.168.67.253", fabric_colour_of_the_rack="grey")
    inventory.model()


def test_hosts_that_disagree(inventory: Inventory, only: Only) -> None:
    inventory.set("metal1", fabric_owner="Somebody")
    inventory.set("blue", fabric_owner="Admin")
    message = only(inventory.problems(), "fabric_owner")
    assert message == 'must be the same on all hosts: "Admin" on blue; "Somebody" on metal1'


# --- values of the control plane's chart


def test_values_from_before_vcluster_0_20_are_told_by_their_new_names(inventory: Inventory, only: Only) -> None:
    inventory.set("blue", tenant_cluster_values={"syncer": {"replicas": 3}})
    message = only(inventory.problems(), "blue.tenant_cluster_values.syncer.replicas")
    assert message == ("vCluster has no such key since 0.20: write controlPlane.statefulSet.highAvailability.replicas")


def test_the_charts_version_decides_what_is_a_former_key(inventory: Inventory, only: Only) -> None:
    inventory.set("blue", tenant_cluster_values={"sleepMode": {}}, tenant_cluster_chart_version="0.31.0")
    inventory.model()
    inventory.set("blue", tenant_cluster_chart_version="0.36.1")
    assert "write sleep" in only(inventory.problems(), "blue.tenant_cluster_values.sleepMode")


def test_values_that_only_the_control_plane_would_refuse(inventory: Inventory, only: Only) -> None:
    inventory.set("blue", tenant_cluster_values={"integrations": {"certManager": {"enabled": True}}})
    message = only(inventory.problems(), "blue.tenant_cluster_values.integrations.certManager.enabled")
    assert message == "vCluster refuses it with private nodes: install it in the tenant cluster instead"


def test_values_do_not_go_round_the_variables_that_are_checked(inventory: Inventory, only: Only) -> None:
    inventory.set("blue", tenant_cluster_values={"networking": {"podCIDR": "192.168.64.0/18"}})
    message = only(inventory.problems(), "blue.tenant_cluster_values.networking.podCIDR")
    assert message == "is 192.168.64.0/18 here and 10.244.0.0/16 by tenant_cluster_pod_cidr: set that variable"


# --- Kamaji


def kamaji(inventory: Inventory, **variables: Any) -> Inventory:
    wanted = {"tenant_cluster_backend": "kamaji", "tenant_cluster_kubernetes_version": "v1.35.0", **variables}
    return inventory.set("blue", **wanted)


def test_unknown_backend(inventory: Inventory, only: Only) -> None:
    message = only(inventory.set("blue", tenant_cluster_backend="k3s").problems(), "blue.tenant_cluster_backend")
    assert message == "'k3s' is none of vcluster, kamaji"


def test_kamaji_has_a_port_of_its_own(inventory: Inventory) -> None:
    model = kamaji(inventory).model()
    assert {name: each.api_port for name, each in model.tenant_clusters.items()} == {"blue": 6443, "green": 443}
    assert kamaji(inventory, tenant_cluster_api_port=443).model().tenant_clusters["blue"].api_port == 443


@pytest.mark.parametrize(("version", "says"), [(None, "is required with Kamaji"), ("1.35", "does not look like v1.35")])
def test_kamaji_needs_a_version(inventory: Inventory, only: Only, version: str | None, says: str) -> None:
    problems = kamaji(inventory, tenant_cluster_kubernetes_version=version).problems()
    assert says in only(problems, "blue.tenant_cluster_kubernetes_version")


def test_kamaji_wants_a_letter_first(inventory: Inventory, only: Only) -> None:
    inventory.add("tenant_clusters", "1blue", tenant_cluster_backend="kamaji")
    inventory.set("1blue", tenant_cluster_kubernetes_version="v1.35.0")
    assert "must begin with a letter (DNS-1035)" in only(inventory.problems(), "1blue")


def test_unknown_option_of_kamaji(inventory: Inventory, only: Only) -> None:
    problems = kamaji(inventory, tenant_cluster_kamaji={"data_store": "fast"}).problems()
    assert only(problems, "blue.tenant_cluster_kamaji.data_store").startswith("unknown key; did you mean datastore?")


def test_all_that_kamaji_would_refuse_is_told_at_once(inventory: Inventory) -> None:
    spec = {"networkProfile": {"loadBalancerClass": "x", "clusterDomain": "local"}, "addons": {"konnectivity": {}}}
    path = "blue.tenant_cluster_kamaji.spec"
    assert set(kamaji(inventory, tenant_cluster_kamaji={"spec": spec}).problems()) == {
        f"{path}.networkProfile.loadBalancerClass",
        f"{path}.networkProfile.clusterDomain",
        f"{path}.addons.konnectivity",
    }

"""The chain of the main job: build, repeat, change, exchange, remove."""

from __future__ import annotations

from typing import Any

import pytest

from .site import Document, Site, absent, joined, operations, tenant

EVERYTHING = (
    "vpcs",
    "allocations",
    "subnets",
    "servers",
    "links",
    "lags",
    "vnets",
    "server_cluster_templates",
    "server_clusters",
)


def test_builds_a_tenant_cluster_and_tells_what_the_controller_chose(site: Site) -> None:
    result = site.apply(tenant("blue", ["metal1"]))

    blue = result["server_clusters"]["blue"]
    assert blue["status"] == "Active"
    assert blue["vnets"]["nodes"] == {
        "vnet": "blue-nodes",
        "vnet_id": 1,
        "vlan_id": 3,
        "vpc": "blue",
        "subnet": "192.168.64.0/22",
        "gateway": "192.168.67.254",
        "dhcp_range": {"start": "192.168.64.1", "end": "192.168.67.249"},
    }
    assert operations(result)[0] == ("create", "vpcs", "blue")
    assert operations(result)[-2:] == [("create", "server_clusters", "blue"), ("update", "vnets", "blue-nodes")]
    vpc = next(vpc for vpc in site.gather("vpcs")["vpcs"] if vpc["name"] == "blue")
    assert vpc["tags"] == ["managed-by=baremetal.fabric"]


def test_second_run_changes_nothing_and_costs_no_more_for_more_objects(site: Site) -> None:
    one = tenant("blue", ["metal1"])
    three = joined(one, tenant("green", ["metal2"]), tenant("red", ["metal3"]))
    site.apply(one)
    first = site.apply(one)
    site.apply(three)
    second = site.apply(three)

    assert (first["changed"], second["changed"]) == (False, False)
    assert second["plan"] == []
    assert second["diff"] == {"before": {}, "after": {}}
    assert first["requests"]["write"] == second["requests"]["write"] == 0
    assert first["requests"]["read"] == second["requests"]["read"] <= 12


def test_reordered_lists_are_no_change(site: Site) -> None:
    document = tenant("blue", ["metal1"])
    site.apply(document)
    document["server_clusters"][0]["servers"].reverse()
    document["lags"].reverse()
    document["lags"][0]["ports"].reverse()
    document["server_cluster_templates"][0]["vnets"][0]["server_nics"] = ["eth9", "eth10"]

    assert site.apply(document)["changed"] is False


def test_check_mode_plans_everything_and_writes_nothing(site: Site) -> None:
    before = site.gather(*EVERYTHING)
    planned = site.apply(tenant("blue", ["metal1"]), check=True)

    assert site.gather(*EVERYTHING) == before
    assert planned["requests"]["write"] == 0
    facts = planned["server_clusters"]["blue"]["vnets"]["nodes"]
    assert facts["vlan_id"] is None
    assert facts["dhcp_range"] == {"start": None, "end": None}
    assert planned["diff"]["after"]["vnets"]["blue-nodes"] == {"gateways": "(known after apply)"}
    assert operations(planned) == operations(site.apply(tenant("blue", ["metal1"])))


def test_check_mode_of_a_change_shows_before_and_after(site: Site) -> None:
    site.apply(tenant("blue", ["metal1"]))
    planned = site.apply(tenant("blue", ["metal1", "metal2"]), check=True)

    names = [member["name"] for member in planned["diff"]["after"]["server_clusters"]["blue"]["servers"]]
    assert names == ["metal1", "metal2", "shared1", "shared2", "shared3"]
    assert list(planned["diff"]["before"]["server_clusters"]["blue"]) == ["servers"]
    assert planned["server_clusters"]["blue"]["vnets"]["nodes"]["vlan_id"] == 3


def test_a_server_leaves_before_it_enters(site: Site) -> None:
    site.apply(joined(tenant("green", ["metal2"]), tenant("blue", ["metal1"])))
    # In the document, the cluster that takes comes first.
    result = site.apply(joined(tenant("green", ["metal1", "metal2"]), tenant("blue", [])))

    assert operations(result) == [("update", "server_clusters", "blue"), ("update", "server_clusters", "green")]


def test_two_clusters_exchange_their_servers(site: Site) -> None:
    site.apply(joined(tenant("blue", ["metal1"]), tenant("green", ["metal2"])))
    result = site.apply(joined(tenant("blue", ["metal2"]), tenant("green", ["metal1"])))

    assert result["requests"]["write"] == 3
    clusters = {cluster["name"]: cluster for cluster in site.gather("server_clusters")["server_clusters"]}
    assert _dedicated(clusters["blue"]) == ["metal2"]
    assert _dedicated(clusters["green"]) == ["metal1"]


def test_a_deleted_cluster_releases_before_another_takes(site: Site) -> None:
    site.apply(joined(tenant("blue", ["metal1"]), tenant("green", ["metal2"])))
    gone = {"server_clusters": [{"name": "blue", "site": "Default", "state": "absent"}]}
    result = site.apply(joined(tenant("green", ["metal1", "metal2"]), gone))

    assert operations(result) == [("delete", "server_clusters", "blue"), ("update", "server_clusters", "green")]


def test_a_server_of_another_cluster_is_not_taken(site: Site) -> None:
    site.apply(tenant("blue", ["metal1"]))
    before = site.gather(*EVERYTHING)

    message = refused(site, tenant("green", ["metal1"]))

    assert "server metal1 belongs to the server cluster 'blue'" in message
    assert site.gather(*EVERYTHING) == before


def test_removes_what_it_made_and_keeps_what_is_used(site: Site) -> None:
    before = site.gather(*EVERYTHING)
    site.apply(joined(tenant("blue", ["metal1"]), tenant("green", ["metal2"])))

    first = site.apply(absent("blue"))
    assert operations(first) == [("delete", "server_clusters", "blue"), ("delete", "vpcs", "blue")]
    assert first["kept"] == ["server cluster template 'tenant-nodes': still used by green"]
    assert [vnet["name"] for vnet in site.gather("vnets")["vnets"]] == ["green-nodes"]

    site.apply(absent("green"))
    assert site.apply(absent("green"))["changed"] is False
    after = site.gather(*EVERYTHING)
    for noun in set(EVERYTHING) - {"lags"}:
        assert after[noun] == before[noun], noun


def test_host_cluster_with_a_server_that_lacks_a_nic(site: Site) -> None:
    document = tenant("host", ["shared1", "hostcp1"], shared=[])
    document["server_cluster_templates"][0]["vnets"][0]["ipv4_gateway"] = "192.168.55.254/21"
    document["vnets"][0]["gateways"] = [{"dhcp": {"start": "192.168.48.1", "end": "192.168.55.252"}}]

    facts = site.apply(document)["server_clusters"]["host"]["vnets"]["nodes"]
    assert facts["subnet"] == "192.168.48.0/21"
    assert facts["dhcp_range"] == {"start": "192.168.48.1", "end": "192.168.55.252"}
    assert site.apply(document)["changed"] is False


def test_members_can_be_merged(site: Site) -> None:
    site.apply(tenant("blue", ["metal1"]))
    entry = {
        "name": "blue",
        "site": "Default",
        "servers_mode": "merge",
        "servers": [{"name": "metal2"}, {"name": "shared3", "state": "absent"}],
    }
    document = {"server_clusters": [entry]}
    site.apply(document)

    members = [member["name"] for member in site.gather("server_clusters")["server_clusters"][0]["servers"]]
    assert members == ["metal1", "metal2", "shared1", "shared2"]
    assert site.apply(document)["changed"] is False


def test_own_vnet_with_its_prefixes_ports_and_options(site: Site) -> None:
    document: Document = {
        "dhcp_option_sets": [{"name": "lab", "dns_servers": ["10.0.0.53", "10.0.0.52"], "lease_time": 600}],
        "vpcs": [{"name": "storage", "owner": "Admin"}],
        "allocations": [{"name": "all", "vpc": "storage", "prefix": "10.9.0.0/16", "owner": "Admin"}],
        "subnets": [{"name": "s1", "vpc": "storage", "prefix": "10.9.1.0/24", "owner": "Admin", "sites": ["Default"]}],
        "vnets": [
            {
                "name": "storage",
                "vpc": "storage",
                "owner": "Admin",
                "sites": ["Default"],
                "gateways": [
                    {"prefix": "10.9.1.1/24", "dhcp": {"start": "10.9.1.10", "end": "10.9.1.99", "option_set": "lab"}}
                ],
                "ports": [{"name": "eth9@metal3"}, {"name": "eth9@shared1", "tagged": True}],
            }
        ],
    }
    site.apply(document)
    assert site.apply(document)["plan"] == []

    document["vnets"][0]["ports"].pop()
    document["vnets"][0]["gateways"][0]["dhcp"]["end"] = "10.9.1.50"
    document["subnets"][0]["description"] = "storage"
    document["dhcp_option_sets"][0]["lease_time"] = 1200
    changed = site.apply(document)
    assert operations(changed) == [
        ("update", "dhcp_option_sets", "lab"),
        ("update", "subnets", "s1"),
        ("update", "vnets", "storage"),
    ]
    vnet = site.gather("vnets")["vnets"][0]
    assert vnet["ports"] == [{"name": "eth9@metal3", "tagged": False}]
    assert vnet["gateways"][0]["dhcp"] == {"start": "10.9.1.10", "end": "10.9.1.50", "option_set": "lab"}
    assert site.apply(document)["plan"] == []

    away = {
        noun: [{**{key: entry[key] for key in ("name", "vpc") if key in entry}, "state": "absent"} for entry in entries]
        for noun, entries in document.items()
    }
    away["vnets"] = [{"name": "storage", "state": "absent"}]
    away["vpcs"] = [{"name": "storage", "state": "absent"}]
    away["dhcp_option_sets"] = [{"name": "lab", "state": "absent"}]
    removed = site.apply(away)
    assert [noun for _operation, noun, _name in operations(removed)] == [
        "vnets",
        "subnets",
        "allocations",
        "dhcp_option_sets",
        "vpcs",
    ]
    assert site.apply(away)["changed"] is False


def test_inventory_of_servers_links_and_lags(site: Site) -> None:
    document: Document = {
        "servers": [{"name": "metal9", "site": "Default", "owner": "Admin", "nics": 2, "description": "new"}],
        # Written the other way round than the controller will show it.
        "links": [
            {"local": "swp15@leaf1", "remote": "eth1@metal9"},
            {"local": "eth2@metal9", "remote": "swp16@leaf1"},
        ],
        "lags": [{"switch": "leaf1", "ports": ["swp15", "swp16"], "owner": "Admin", "mtu": 9100}],
    }
    created = site.apply(document)
    assert [noun for _operation, noun, _name in operations(created)] == ["servers", "links", "links", "lags"]
    assert site.apply(document)["plan"] == []

    document["servers"][0]["description"] = "changed"
    document["links"][0] = {"local": "eth1@metal9", "remote": "swp15@leaf1"}
    document["lags"][0]["mtu"] = 1500
    changed = site.apply(document)
    assert [noun for _operation, noun, _name in operations(changed)] == ["servers", "lags"]
    links = [link for link in site.gather("links")["links"] if "metal9" in str(link)]
    assert len(links) == 2, "changing a server must not cost it its links"

    away = {
        "servers": [{"name": "metal9", "state": "absent"}],
        "links": [{**link, "state": "absent"} for link in document["links"]],
        "lags": [{"switch": "leaf1", "ports": ["swp15", "swp16"], "state": "absent"}],
    }
    removed = site.apply(away)
    assert [noun for _operation, noun, _name in operations(removed)] == ["lags", "links", "links", "servers"]


def test_what_is_not_ours_is_neither_changed_nor_deleted_unless_asked(site: Site) -> None:
    client = site.client()
    client.post("/api/v2/vpc", {"name": "theirs", "adminTenant": {"id": 1}, "guestTenant": [], "tags": ["a"]})
    client.close()

    assert site.apply({"vpcs": [{"name": "theirs", "owner": "Admin"}]})["changed"] is False
    assert "was not made by this collection" in refused(site, {"vpcs": [{"name": "theirs", "tags": ["b"]}]})
    assert "was not made by this collection" in refused(site, {"vpcs": [{"name": "theirs", "state": "absent"}]})

    adopted = site.apply({"vpcs": [{"name": "theirs", "tags": ["b"], "adopt": True}]})
    assert adopted["objects"]["vpcs"][0]["tags"] == ["b", "managed-by=baremetal.fabric"]
    assert site.apply({"vpcs": [{"name": "theirs", "state": "absent"}]})["changed"] is True


def test_purge_removes_only_what_is_ours_and_unlisted(site: Site) -> None:
    client = site.client()
    client.post("/api/v2/vpc", {"name": "theirs", "adminTenant": {"id": 1}, "guestTenant": [], "tags": []})
    client.close()
    site.apply({"vpcs": [{"name": "one", "owner": "Admin"}, {"name": "two", "owner": "Admin"}]})
    site.apply(tenant("blue", ["metal1"]))

    keep = tenant("blue", ["metal1"])
    result = site.apply(keep, purge=["vpcs", "vnets", "server_clusters"])
    assert operations(result) == [("delete", "vpcs", "one"), ("delete", "vpcs", "two")]
    assert {vpc["name"] for vpc in site.gather("vpcs")["vpcs"]} == {"VPC-1", "theirs", "blue"}


def test_what_cannot_be_changed_is_said_or_recreated_if_asked(site: Site) -> None:
    site.apply({"vpcs": [{"name": "a", "owner": "Admin"}], **_subnet("10.9.1.0/24")})

    assert "subnets[0].prefix: is '10.9.1.0/24' and cannot be changed" in refused(site, _subnet("10.9.2.0/24"))
    again = site.apply({"subnets": [{**_subnet("10.9.2.0/24")["subnets"][0], "recreate": True}]})
    assert operations(again) == [("delete", "subnets", "s"), ("create", "subnets", "s")]


def _subnet(prefix: str) -> Document:
    return {
        "allocations": [{"name": "all", "vpc": "a", "prefix": "10.9.0.0/16", "owner": "Admin"}],
        "subnets": [{"name": "s", "vpc": "a", "prefix": prefix, "owner": "Admin", "sites": ["Default"]}],
    }


def _dedicated(cluster: dict[str, Any]) -> list[str]:
    return [member["name"] for member in cluster["servers"] if not member["shared"]]


def refused(site: Site, document: Document) -> str:
    """The message with which a document is refused; nothing may have been written."""
    from ansible_collections.baremetal.fabric.plugins.module_utils._netris.errors import DocumentInvalid

    with pytest.raises(DocumentInvalid) as caught:
        site.apply(document)
    return str(caught.value)

"""Server cluster templates and server clusters."""

from __future__ import annotations

from typing import Any

import pytest

from .rack import AUTOMATIC, HOST_GATEWAY, Rack
from .test_vnets import names

PATH = "/api/v2/server-cluster"
TEMPLATES = "/api/v2/server-cluster-template"
ENTRY: dict[str, Any] = {
    "postfix": "nodes", "type": "l2vpn", "vlan": "untagged", "vlanID": "auto", "serverNics": ["eth9", "eth10"],
    "ipv4Gateway": AUTOMATIC, "ipv4DhcpEnabled": True,
}  # fmt: skip
SHARED = ["shared1~", "shared2~", "shared3~"]


def entry(**changes: Any) -> dict[str, Any]:
    return {key: value for key, value in {**ENTRY, **changes}.items() if value != "absent"}


# --- templates ---


def test_template_comes_back_as_sent(fresh: Rack) -> None:
    """Official clients compare the list: no default may be added, only an id in each item."""
    sent = [entry(), entry(postfix="storage", ipv4Gateway=None, ipv4DhcpEnabled="absent", ipFamily="ipv4")]
    identifier = fresh.post(TEMPLATES, name="t", vnets=sent)
    read = fresh.get(f"{TEMPLATES}/{identifier}")["vnets"]
    assert all(isinstance(item.pop("id"), int) for item in read)
    assert read == sent


def test_the_sheets_template_is_accepted(fresh: Rack) -> None:
    status, answer = fresh.call(
        "POST",
        TEMPLATES,
        {"name": "ns-only", "vnets": [{"postfix": "North-South", "type": "l2vpn", "vlan": "untagged",
                                       "vlanID": "auto", "serverNics": ["eth9"],
                                       "ipv4Gateway": "192.168.101.254/24"}]},
    )  # fmt: skip
    assert (status, answer["data"], answer["message"]) == (200, {"id": 1}, "Successfully created.")


@pytest.mark.parametrize(("changes", "message"), [
    ({"postfix": ""}, "postfix is required"),
    ({"type": "l2pvn"}, "type must be one of"),
    ({"vlan": "tagged"}, "vlan must be untagged"),
    ({"vlanID": 7}, "vlanID must be one of"),
    ({"vlanID": "absent"}, "vlanID must be one of"),
    ({"serverNics": []}, "serverNics must be a list"),
    ({"serverNics": ["eth9", "eth9"]}, "twice"),
    ({"ipFamily": "ipx"}, "ipFamily"),
    ({"ipv4Gateway": "192.168.1.0/24"}, "network address"),
    ({"ipv4Gateway": "fd00::1/64"}, "not an IPv4"),
    ({"ipv4Gateway": None}, "ipv4DhcpEnabled needs ipv4Gateway"),
    ({"ipv4DhcpEnabled": "yes"}, "true or false"),
    ({"ipv4Gateway": {**AUTOMATIC, "assignType": "manual"}}, "assignType must be auto"),
    ({"ipv4Gateway": {**AUTOMATIC, "childSubnetPrefixLength": 17}}, "does not fit"),
    ({"ipv4Gateway": {**AUTOMATIC, "hostnum": 1023}}, "hostnum 1023 is not a host"),
    ({"ipv4Gateway": {**AUTOMATIC, "allocation": "192.168.64.1/18"}}, "not a valid prefix"),
    ({"type": "l3vpn"}, "l2vpn only"),
])  # fmt: skip
def test_template_validation(fresh: Rack, changes: dict[str, Any], message: str) -> None:
    answer = fresh.refused("POST", TEMPLATES, {"name": "t", "vnets": [entry(**changes)]})
    assert message in answer
    assert answer.startswith("vnets[0]: ")


def test_template_words_have_a_knob(fresh: Rack) -> None:
    fresh.knobs(vlan_id_word="specify")
    fresh.refused("POST", TEMPLATES, {"name": "t", "vnets": [entry(vlanID="dynamic")]})
    fresh.post(TEMPLATES, name="t", vnets=[entry(vlanID="specify")])


def test_template_in_use_stays(demo: Rack) -> None:
    template = demo.template("t", AUTOMATIC)
    cluster = demo.cluster("blue", template)
    assert "in use by server cluster blue" in demo.refused("DELETE", f"{TEMPLATES}/{template}")
    assert "in use" in demo.refused("PUT", f"{TEMPLATES}/{template}", {"name": "t", "vnets": [entry(postfix="x")]})
    demo.put(f"{TEMPLATES}/{template}", name="renamed", vnets=[ENTRY])
    demo.delete(f"{PATH}/{cluster['id']}")
    demo.put(f"{TEMPLATES}/{template}", name="renamed", vnets=[entry(postfix="x")])
    demo.delete(f"{TEMPLATES}/{template}")


# --- clusters ---


def test_host_and_tenant_cluster_as_in_the_guide(demo: Rack) -> None:
    host = demo.cluster("host", demo.template("host-nodes", HOST_GATEWAY), ["shared1", "shared2", "shared3", "hostcp1"])
    blue = demo.cluster("blue", demo.template("tenant-nodes", AUTOMATIC), [*SHARED, "metal1"])
    assert host["status"] == {"label": "Active", "value": "success"}
    assert (host["state"], host["vpc"]["name"], host["srvClusterTemplate"]["name"]) == ("active", "host", "host-nodes")
    assert [server["shared"] for server in blue["servers"]] == [True, True, True, False]
    (made,) = blue["resources"]["vnets"]
    assert made["name"] == "blue-nodes"
    assert made["ipv4Gateways"] == [{"prefix": "192.168.67.254/22"}]
    assert [node["prefix"] for node in blue["resources"]["allocations"]] == ["192.168.64.0/18"]
    assert [node["prefix"] for node in blue["resources"]["subnets"]] == ["192.168.64.0/22"]
    vnet = demo.vnet_of(blue)
    assert (vnet["vlan"], vnet["vpc"]["id"]) == (4, blue["vpc"]["id"])
    assert [(name, untagged) for name, untagged, _ in names(vnet)] == [
        *((f"{nic}@shared{number}", False) for number in (1, 2, 3) for nic in ("eth9", "eth10")),
        ("eth9@metal1", True),
        ("eth10@metal1", True),
    ]
    dhcp = vnet["gateways"][0]["dhcp"]
    assert (dhcp["start"], dhcp["end"]) == ("192.168.64.1", "192.168.67.253")
    host_vnet = demo.vnet_of(host)
    assert host_vnet["vlan"] == 3
    # The outside port's server has one NIC only, and says that this is meant.
    assert [name for name, _, _ in names(host_vnet)][-1] == "eth9@hostcp1"


def test_members_on_the_switch(demo: Rack) -> None:
    for number in (1, 2, 3):
        ports = [{"name": f"swp{2 * number - 1}@leaf1"}, {"name": f"swp{2 * number}@leaf1"}]
        demo.post("/api/v2/ports/lag", id=0, ports=ports, tenant={"id": 1}, mtu=9000, lacp="on")
    demo.cluster("host", demo.template("h", HOST_GATEWAY), ["shared1", "shared2", "shared3", "hostcp1"])
    demo.cluster("blue", demo.template("t", AUTOMATIC), [*SHARED, "metal1"])
    host, blue = demo.agent()["vnets"]
    aggregates = ["agg1", "agg2", "agg3"]
    assert host["members"] == [{"interface": name, "tagged": False} for name in [*aggregates, "swp13"]]
    assert blue["members"] == [
        *({"interface": name, "tagged": True} for name in aggregates),
        {"interface": "swp7", "tagged": False},
        {"interface": "swp8", "tagged": False},
    ]
    assert blue["vpc"]["name"] == "blue"
    assert blue["gateways"][0]["address"] == "192.168.67.254/22"
    assert blue["gateways"][0]["dhcp"]["lease_time"] == 86400


def test_status_turns_active_after_the_delay(demo: Rack) -> None:
    # An hour or nothing at all: however slow the machine, neither answer depends on when it is asked.
    demo.knobs(active_delay=3600)
    slow = demo.cluster("green", demo.template("slow"), ["metal3"])
    assert slow["status"]["label"] == "Provisioning"
    demo.knobs(active_delay=0)
    cluster = demo.cluster("blue", demo.template("t"), ["metal1"])
    assert demo.get(f"{PATH}/{cluster['id']}")["status"]["label"] == "Active"
    demo.knobs(active_delay=3600)
    demo.put(f"{PATH}/{cluster['id']}", tags=["a"], servers=demo.members(["metal1"]))
    assert demo.get(f"{PATH}/{cluster['id']}")["status"]["label"] == "Active"  # nothing to do for the switches
    demo.put(f"{PATH}/{cluster['id']}", tags=["a"], servers=demo.members(["metal1", "metal2"]))
    assert demo.get(f"{PATH}/{cluster['id']}")["status"]["label"] == "Provisioning"
    demo.knobs(clusters="fail")
    assert demo.get(f"{PATH}/{cluster['id']}")["status"] == {"label": "Failed", "value": "error"}


def test_existing_vpc_is_used_and_kept(demo: Rack) -> None:
    vpc = demo.post("/api/v2/vpc", name="blue", adminTenant={"id": 1}, tags=["managed-by=us"])
    cluster = demo.cluster("blue", demo.template("t", AUTOMATIC), ["metal1"], vpc={"id": vpc})
    assert cluster["vpc"] == {"id": vpc, "name": "blue"}
    demo.delete(f"{PATH}/{cluster['id']}")
    assert demo.get(f"/api/v2/vpc/{vpc}/resources")["allocation"] == []
    demo.delete(f"/api/v2/vpc/{vpc}")


def test_children_of_a_supernet_differ_across_vpcs(demo: Rack) -> None:
    template = demo.template("t", AUTOMATIC)
    prefixes = [demo.cluster(name, template)["resources"]["subnets"][0]["prefix"] for name in ("a", "b", "c")]
    assert prefixes == ["192.168.64.0/22", "192.168.68.0/22", "192.168.72.0/22"]
    (second,) = [cluster for cluster in demo.get(PATH) if cluster["name"] == "b"]
    demo.delete(f"{PATH}/{second['id']}")
    assert demo.cluster("d", template)["resources"]["subnets"][0]["prefix"] == "192.168.68.0/22"
    demo.knobs(auto_subnet_scope="vpc")
    assert demo.cluster("e", template)["resources"]["subnets"][0]["prefix"] == "192.168.64.0/22"


def test_supernet_runs_out_and_leaves_nothing(demo: Rack) -> None:
    template = demo.template("t", {**AUTOMATIC, "allocation": "192.168.64.0/21"})
    demo.cluster("a", template)
    demo.cluster("b", template)
    before = [len(demo.get(path)) for path in (PATH, "/api/v2/vpc", "/api/v2/vnet", "/api/v2/ipam/subnets")]
    message = demo.refused("POST", PATH, demo.cluster_body("c", template, ["metal1"]))
    assert message == "No free /22 subnet left in allocation 192.168.64.0/21."
    after = [len(demo.get(path)) for path in (PATH, "/api/v2/vpc", "/api/v2/vnet", "/api/v2/ipam/subnets")]
    assert after == before


def test_two_clusters_in_one_vpc_share_the_allocation(demo: Rack) -> None:
    template = demo.template("t", AUTOMATIC)
    vpc = demo.post("/api/v2/vpc", name="one", adminTenant={"id": 1})
    first = demo.cluster("a", template, vpc={"id": vpc})
    second = demo.cluster("b", template, vpc={"id": vpc})
    assert first["resources"]["allocations"] == second["resources"]["allocations"]
    demo.delete(f"{PATH}/{first['id']}")
    assert len(demo.get(f"/api/v2/ipam?filterByVpc={vpc}")[0]["children"]) == 1
    demo.delete(f"{PATH}/{second['id']}")
    assert demo.get(f"/api/v2/ipam?filterByVpc={vpc}") == []


def test_prefixes_that_were_there_stay(demo: Rack) -> None:
    vpc = demo.post("/api/v2/vpc", name="one", adminTenant={"id": 1})
    owner = {"tenant": {"id": 1}, "vpc": {"id": vpc}}
    demo.post("/api/v2/ipam/allocation", name="mine", prefix="192.168.0.0/16", **owner)
    cluster = demo.cluster("a", demo.template("t", AUTOMATIC), vpc={"id": vpc})
    assert [node["prefix"] for node in cluster["resources"]["allocations"]] == ["192.168.0.0/16"]
    demo.delete(f"{PATH}/{cluster['id']}")
    (node,) = demo.get(f"/api/v2/ipam?filterByVpc={vpc}")
    assert (node["name"], node["children"]) == ("mine", [])


def test_fixed_gateways_may_overlap_between_vpcs(demo: Rack) -> None:
    template = demo.template("t", "10.1.0.254/24")
    first, second = demo.cluster("a", template), demo.cluster("b", template)
    assert first["resources"]["subnets"][0]["prefix"] == second["resources"]["subnets"][0]["prefix"] == "10.1.0.0/24"


def test_specify_is_answered_at_create(demo: Rack) -> None:
    template = demo.template("t", "specify", vlanID="specify")
    missing = demo.refused("POST", PATH, demo.cluster_body("a", template))
    assert "asks for a VLAN ID for nodes" in missing
    answers = {"id": template, "vlans": [{"postfix": "nodes", "vlanID": 77}]}
    missing = demo.refused("POST", PATH, demo.cluster_body("a", template, srvClusterTemplate=answers))
    assert "asks for an IPv4 gateway for nodes" in missing
    answers["ipv4Gateways"] = [{"postfix": "nodes", "address": "172.30.64.1/24"}]
    vnet = demo.vnet_of(demo.cluster("a", template, srvClusterTemplate=answers))
    assert (vnet["vlan"], vnet["gateways"][0]["prefix"]) == (77, "172.30.64.1/24")


def test_double_booking_is_refused(demo: Rack) -> None:
    template = demo.template("t")
    blue = demo.cluster("blue", template, ["metal1"])
    message = demo.refused("POST", PATH, demo.cluster_body("green", template, ["metal1"]))
    assert message == "Server metal1 is already a dedicated member of server cluster blue."
    green = demo.cluster("green", template, ["metal1~"])  # dedicated in one, shared in another
    body = {"tags": [], "servers": demo.members(["metal1"])}
    assert "already a dedicated member" in demo.refused("PUT", f"{PATH}/{green['id']}", body)
    demo.put(f"{PATH}/{blue['id']}", tags=[], servers=[])
    demo.put(f"{PATH}/{green['id']}", **body)
    assert {s["name"]: s["serverClusterID"] for s in demo.get(f"{PATH}/servers")}["metal1"] == green["id"]


def test_parked_ports_must_be_released_first(demo: Rack) -> None:
    parking = demo.vnet("parking", ports=[{"name": "eth9@metal1", "accessMode": True}])
    message = demo.refused("POST", PATH, demo.cluster_body("blue", demo.template("t"), ["metal1"]))
    assert "Port swp7@leaf1 is already untagged in V-Net parking" in message
    demo.put(f"/api/v2/vnet/{parking}", name="parking", sites=[{"id": 1}], ports=[])
    demo.cluster("blue", 1, ["metal1"])


@pytest.mark.parametrize(("servers", "message"), [
    ([{"id": 4711}], "Server 4711 does not exist."),
    ([{"id": 1}], "Server 1 does not exist."),  # the switch
    ([{"name": "metal1"}, {"name": "metal1", "shared": True}], "Server metal1 is listed twice."),
])  # fmt: skip
def test_bad_members(demo: Rack, servers: list[dict[str, Any]], message: str) -> None:
    body = demo.cluster_body("a", demo.template("t"), servers=None) | {"servers": servers}
    assert demo.refused("POST", PATH, body) == message


def test_nics_are_checked_by_name_and_server(demo: Rack) -> None:
    template = demo.template("t", nics=["eth9", "eth77"])
    message = demo.refused("POST", PATH, demo.cluster_body("a", template, ["metal1"]))
    assert message == "Server metal1 has no NIC eth77."
    (link,) = [found for found in demo.get("/api/v2/link") if found["local"]["name"] == "eth10@metal2"]
    demo.delete(f"/api/v2/link/{link['id']}")
    message = demo.refused("POST", PATH, demo.cluster_body("a", demo.template("u"), ["metal2"]))
    assert message == "NIC eth10 of server metal2 is not linked to a switch port."


def test_put_replaces_members_whole(demo: Rack) -> None:
    cluster = demo.cluster("blue", demo.template("t", AUTOMATIC), [*SHARED, "metal1"])
    path = f"{PATH}/{cluster['id']}"
    vnet = demo.vnet_of(cluster)
    vnet["gateways"][0]["dhcp"]["end"] = "192.168.67.249"
    demo.put(f"/api/v2/vnet/{vnet['id']}", **vnet)
    demo.put(path, tags=["x"], servers=demo.members(["shared1~", "metal1", "metal2"]))
    read, after = demo.get(path), demo.vnet_of(cluster)
    assert [server["name"] for server in read["servers"]] == ["shared1", "metal1", "metal2"]
    assert {name.split("@")[1] for name, _, _ in names(after)} == {"shared1", "metal1", "metal2"}
    assert after["gateways"][0]["dhcp"]["end"] == "192.168.67.249"  # what others set stays
    assert after["vlan"] == vnet["vlan"]
    demo.put(path, tags=["y"])
    assert demo.get(path)["servers"] == []  # left out is emptied
    for changed in ({"name": "z"}, {"vpc": {"id": 1}}):
        assert "cannot be changed" in demo.refused("PUT", path, {"tags": [], "servers": [], **changed})


def test_put_keeps_ports_that_others_added(demo: Rack) -> None:
    cluster = demo.cluster("blue", demo.template("t"), ["metal1"])
    vnet = demo.vnet_of(cluster)
    vnet["ports"].append({"name": "swp16@leaf1", "accessMode": True})
    demo.put(f"/api/v2/vnet/{vnet['id']}", **vnet)
    demo.put(f"{PATH}/{cluster['id']}", tags=[], servers=demo.members(["metal2"]))
    found = sorted(name for name, _, _ in names(demo.vnet_of(cluster)))
    assert found == ["eth10@metal2", "eth9@metal2", "swp16@leaf1"]


def test_delete_removes_what_the_cluster_made(demo: Rack) -> None:
    before = demo.agent()
    cluster = demo.cluster("blue", demo.template("t", AUTOMATIC), ["metal1"])
    demo.delete(f"{PATH}/{cluster['id']}")
    demo.refused("GET", f"{PATH}/{cluster['id']}", status=404)
    assert demo.get("/api/v2/vnet") == []
    assert demo.get("/api/v2/ipam/subnets") == []
    assert [vpc["name"] for vpc in demo.get("/api/v2/vpc")] == ["VPC-1"]
    assert demo.agent()["vnets"] == before["vnets"]
    demo.knobs(cluster_delete_vpc="keep")
    cluster = demo.cluster("blue", 1, ["metal1"])
    demo.delete(f"{PATH}/{cluster['id']}")
    assert [vpc["name"] for vpc in demo.get("/api/v2/vpc")] == ["VPC-1", "blue"]


def test_vpc_with_someone_elses_objects_stays(demo: Rack) -> None:
    cluster = demo.cluster("blue", demo.template("t", AUTOMATIC))
    demo.vnet("mine", vpc={"id": cluster["vpc"]["id"]})
    demo.delete(f"{PATH}/{cluster['id']}")
    assert [vpc["name"] for vpc in demo.get("/api/v2/vpc")] == ["VPC-1", "blue"]


def test_parts_of_a_cluster_cannot_be_taken_away(demo: Rack) -> None:
    cluster = demo.cluster("blue", demo.template("t", AUTOMATIC), ["metal1"])
    made = cluster["resources"]
    assert "belongs to server cluster blue" in demo.refused("DELETE", f"/api/v2/vnet/{made['vnets'][0]['id']}")
    assert "in use by V-Net" in demo.refused("DELETE", f"/api/v2/ipam/subnet/{made['subnets'][0]['id']}")
    assert "still has" in demo.refused("DELETE", f"/api/v2/vpc/{cluster['vpc']['id']}")
    assert "member of server cluster blue" in demo.refused("DELETE", f"/api/v2/hw/server/{demo.device('metal1')}")
    link = next(found for found in demo.get("/api/v2/link") if found["local"]["name"] == "eth9@metal1")
    assert "in use by V-Net blue-nodes" in demo.refused("DELETE", f"/api/v2/link/{link['id']}")


def test_state_can_be_switched(demo: Rack) -> None:
    cluster = demo.cluster("blue", demo.template("t"), ["metal1"])
    demo.put(f"{PATH}/{cluster['id']}/disabled")
    assert demo.get(f"{PATH}/{cluster['id']}")["status"]["label"] == "Disabled"
    assert demo.agent()["vnets"] == []
    demo.put(f"{PATH}/{cluster['id']}/active")
    assert len(demo.agent()["vnets"]) == 1
    demo.refused("PUT", f"{PATH}/{cluster['id']}/sleeping")


def test_l3vpn_and_other_types(demo: Rack) -> None:
    template = demo.post(
        TEMPLATES,
        name="t",
        vnets=[
            {"postfix": "ew", "type": "l3vpn", "vlan": "untagged", "vlanID": "auto", "serverNics": ["eth9"]},
            {"postfix": "ib", "type": "netris-ufm", "ufm": "u", "pkey": "auto"},
        ],
    )
    cluster = demo.cluster("a", template, ["metal1", "shared1~"])
    vnet = demo.vnet_of(cluster)
    assert len(cluster["resources"]["vnets"]) == 1
    assert (vnet["l3vpn"], vnet["vlan"]) == (True, 0)
    assert [name for name, _, _ in names(vnet)] == ["eth9@metal1"]


def test_vnet_names_are_unique_across_clusters(demo: Rack) -> None:
    template = demo.template("t")
    demo.cluster("blue", template)
    assert "blue-nodes already exists" in demo.refused("POST", PATH, demo.cluster_body("blue", template, vpc={"id": 1}))

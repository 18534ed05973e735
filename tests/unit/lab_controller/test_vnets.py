"""V-Nets: VLAN ids, ports, DHCP, whole-object updates."""

from __future__ import annotations

import pytest

from .rack import Rack, demo_seed
from .test_ipam import allocation, subnet


def names(vnet: dict[str, object]) -> list[tuple[str, bool, str]]:
    ports = vnet["ports"]
    assert isinstance(ports, list)
    return [(f"{entry['port']}@{entry['switchName']}", entry["untagged"], entry["vlan"]) for entry in ports]


def test_automatic_ids_are_the_lowest_free_ones(demo: Rack) -> None:
    made = [demo.vnet(f"v{number}") for number in range(3)]
    assert [demo.get(f"/api/v2/vnet/{identifier}")["vlan"] for identifier in made] == [3, 4, 5]
    demo.delete(f"/api/v2/vnet/{made[1]}")
    assert demo.get(f"/api/v2/vnet/{demo.vnet('w')}")["vlan"] == 4


def test_ids_run_out() -> None:
    seed = {**demo_seed(), "sites": [{"name": "Default", "vlanRange": "1-100", "vlanRangeAutoAssign": "10-11"}]}
    rack = Rack(seed).login()
    try:
        rack.vnet("a")
        rack.vnet("b")
        body = {"name": "c", "tenant": {"id": 1}, "sites": [{"id": 1}], "vlan": "auto"}
        assert "No free VLAN ID left in the range of site Default" in rack.refused("POST", "/api/v2/vnet", body)
        assert len(rack.get("/api/v2/vnet")) == 2
        rack.vnet("c", vlan="50")  # outside the automatic range, inside the site's
        assert "outside the range" in rack.refused("POST", "/api/v2/vnet", {**body, "name": "d", "vlan": 101})
        assert "already used by V-Net c" in rack.refused("POST", "/api/v2/vnet", {**body, "name": "d", "vlan": 50})
    finally:
        rack.close()


def test_ports_by_name_come_back_as_given(demo: Rack) -> None:
    identifier = demo.vnet(
        "v",
        ports=[
            {"name": "eth9@metal1", "accessMode": True, "id": 0, "lacp": "", "state": "active", "vlan": "auto"},
            {"name": "swp16@leaf1", "accessMode": False},
        ],
    )
    read = demo.get(f"/api/v2/vnet/{identifier}")
    assert names(read) == [("eth9@metal1", True, "3"), ("swp16@leaf1", False, "3")]
    assert [entry["site"]["id"] for entry in read["ports"]] == [1, 1]
    assert read["ports"][0]["state"] == {"id": 1, "label": "Active", "value": "active"}
    (config,) = demo.agent()["vnets"]
    assert config["members"] == [{"interface": "swp7", "tagged": False}, {"interface": "swp16", "tagged": True}]


@pytest.mark.parametrize(("name", "message"), [
    ("eth77@metal1", "Port eth77@metal1 does not exist."),
    ("eth9@metal9", "Port eth9@metal9 does not exist."),
])  # fmt: skip
def test_unknown_ports_are_named(demo: Rack, name: str, message: str) -> None:
    body = {"name": "v", "tenant": {"id": 1}, "sites": [{"id": 1}], "ports": [{"name": name}]}
    assert demo.refused("POST", "/api/v2/vnet", body) == message


def test_nic_without_cable_is_refused(demo: Rack) -> None:
    (link,) = [entry for entry in demo.get("/api/v2/link") if entry["local"]["name"] == "eth9@metal1"]
    demo.delete(f"/api/v2/link/{link['id']}")
    body = {"name": "v", "tenant": {"id": 1}, "sites": [{"id": 1}], "ports": [{"name": "eth9@metal1"}]}
    assert demo.refused("POST", "/api/v2/vnet", body) == "Port eth9@metal1 is not linked to a switch port."


def test_one_untagged_vnet_per_port(demo: Rack) -> None:
    demo.vnet("a", ports=[{"name": "eth9@metal1", "accessMode": True}])
    body = {"name": "b", "tenant": {"id": 1}, "sites": [{"id": 1}]}
    # The same switch port by its other name.
    taken = {**body, "ports": [{"name": "swp7@leaf1", "accessMode": True}]}
    assert "Port swp7@leaf1 is already untagged in V-Net a" in demo.refused("POST", "/api/v2/vnet", taken)
    demo.vnet("b", ports=[{"name": "swp7@leaf1", "accessMode": False}])


def test_port_channel_takes_its_members_place(demo: Rack) -> None:
    demo.vnet("v", ports=[{"name": f"{nic}@metal1", "accessMode": True} for nic in ("eth9", "eth10")])
    before = demo.agent()
    assert [member["interface"] for member in before["vnets"][0]["members"]] == ["swp7", "swp8"]
    ports = [{"name": "swp7@leaf1"}, {"name": "swp8@leaf1"}]
    demo.post("/api/v2/ports/lag", id=0, ports=ports, tenant={"id": 1}, mtu=9000, lacp="on")
    after = demo.agent()
    assert after["vnets"][0]["members"] == [{"interface": "agg1", "tagged": False}]
    assert after["lags"] == [{"name": "agg1", "members": ["swp7", "swp8"], "lacp": True, "mtu": 9000}]
    assert after["generation"] > before["generation"]


def test_port_channel_cannot_bridge_two_vnets(demo: Rack) -> None:
    demo.vnet("a", ports=[{"name": "swp7@leaf1", "accessMode": True}])
    demo.vnet("b", ports=[{"name": "swp8@leaf1", "accessMode": True}])
    ports = [{"name": "swp7@leaf1"}, {"name": "swp8@leaf1"}]
    body = {"id": 0, "ports": ports, "tenant": {"id": 1}, "mtu": 9000}
    assert "already untagged" in demo.refused("POST", "/api/v2/ports/lag", body)
    assert demo.get("/api/v2/ports/aggregatedports") == []  # nothing of the refused change is left


def test_dhcp_range_is_the_controllers_until_set(demo: Rack) -> None:
    allocation(demo, "pool", "10.0.0.0/16")
    subnet(demo, "s", "10.0.0.0/24")
    gateway = {"prefix": "10.0.0.254/24", "vlan": "", "dhcpEnabled": True, "dhcpLeaseCount": 2}
    empty = {"start": "", "end": "", "optionSet": {"id": 0, "name": ""}}
    identifier = demo.vnet("v", gateways=[{**gateway, "dhcp": empty}])
    vnet = demo.get(f"/api/v2/vnet/{identifier}")
    dhcp = vnet["gateways"][0]["dhcp"]
    assert (dhcp["start"], dhcp["end"], dhcp["optionSet"]["id"]) == ("10.0.0.1", "10.0.0.253", 1)
    dhcp["end"] = "10.0.0.249"
    demo.put(f"/api/v2/vnet/{identifier}", **vnet)  # the whole object as read, with one change
    again = demo.get(f"/api/v2/vnet/{identifier}")
    assert again["gateways"][0]["dhcp"]["end"] == "10.0.0.249"
    assert demo.agent()["vnets"][0]["gateways"][0]["dhcp"]["end"] == "10.0.0.249"
    for start, end in (("10.0.0.200", "10.0.0.100"), ("10.0.0.1", "10.0.0.254"), ("10.0.0.0", "10.0.0.9"), ("x", "y")):
        vnet["gateways"][0]["dhcp"] |= {"start": start, "end": end}
        assert "DHCP range" in demo.refused("PUT", f"/api/v2/vnet/{identifier}", vnet)


def test_dhcp_range_lies_behind_a_first_gateway(demo: Rack) -> None:
    allocation(demo, "pool", "10.0.0.0/16")
    subnet(demo, "s", "10.0.0.0/24")
    identifier = demo.vnet("v", gateways=[{"prefix": "10.0.0.1/24", "dhcpEnabled": True}])
    dhcp = demo.get(f"/api/v2/vnet/{identifier}")["gateways"][0]["dhcp"]
    assert (dhcp["start"], dhcp["end"]) == ("10.0.0.2", "10.0.0.254")


def test_put_replaces_everything_but_the_fixed_parts(demo: Rack) -> None:
    identifier = demo.vnet("v", tags=["x"], ports=[{"name": "swp16@leaf1", "accessMode": True}])
    vlan = demo.get(f"/api/v2/vnet/{identifier}")["vlan"]
    demo.put(f"/api/v2/vnet/{identifier}", name="v2", sites=[{"id": 1}], vlan="auto")
    read = demo.get(f"/api/v2/vnet/{identifier}")
    assert (read["name"], read["tags"], read["ports"], read["vlan"]) == ("v2", [], [], vlan)
    assert read["tenant"]["id"] == 1
    vpc = demo.post("/api/v2/vpc", name="a", adminTenant={"id": 1})
    body = {"name": "v2", "sites": [{"id": 1}], "vpc": {"id": vpc}}
    assert "cannot be changed" in demo.refused("PUT", f"/api/v2/vnet/{identifier}", body)
    assert "already exists" in demo.refused("POST", "/api/v2/vnet", {**body, "tenant": {"id": 1}})


def test_vlan_disabled_and_per_port(demo: Rack) -> None:
    none = demo.vnet("none", vlan=0, ports=[{"name": "swp15@leaf1", "vlan": "disabled", "accessMode": True}])
    read = demo.get(f"/api/v2/vnet/{none}")
    assert (read["vlan"], names(read)) == (0, [("swp15@leaf1", True, "1")])
    own = demo.vnet("own", vlan=0, ports=[{"name": "swp16@leaf1", "vlan": "1050", "accessMode": False}])
    assert names(demo.get(f"/api/v2/vnet/{own}")) == [("swp16@leaf1", False, "1050")]
    first = demo.agent()["vnets"][0]
    assert first["vlan"] == 4094  # the lab's switches know VLANs only
    assert first["members"] == [{"interface": "swp15", "tagged": False}]


def test_lists_filter_by_vpc(demo: Rack) -> None:
    vpc = demo.post("/api/v2/vpc", name="a", adminTenant={"id": 1})
    demo.vnet("here")
    demo.vnet("there", vpc={"id": vpc})
    assert [vnet["name"] for vnet in demo.get("/api/v2/vnet")] == ["here", "there"]
    assert [vnet["name"] for vnet in demo.get(f"/api/v2/vnet?filterByVpc={vpc}")] == ["there"]
    assert demo.get("/api/v2/vnet?filterBySites[]=2&") == []
    demo.knobs(vnet_list="default-vpc")
    assert [vnet["name"] for vnet in demo.get("/api/v2/vnet")] == ["here"]


def test_relay_stays_until_switched_off(demo: Rack) -> None:
    relay = {"enabled": True, "vpc": {"id": 1}, "primaryAddr": "10.0.0.9", "secondaryAddr": None}
    identifier = demo.vnet("v", dhcpRelay=relay)
    demo.put(f"/api/v2/vnet/{identifier}", name="v", sites=[{"id": 1}])
    assert demo.get(f"/api/v2/vnet/{identifier}")["dhcpRelay"] == relay
    demo.put(f"/api/v2/vnet/{identifier}", name="v", sites=[{"id": 1}], dhcpRelay={"enabled": False})
    assert demo.get(f"/api/v2/vnet/{identifier}")["dhcpRelay"]["enabled"] is False


def test_port_tags_pull_labelled_nics_in(demo: Rack) -> None:
    metal = demo.device("metal1")
    read = demo.get(f"/api/v2/hw/{metal}")
    demo.put(f"/api/v2/hw/server/{metal}", **{**read, "tags": ["iface.eth9=storage"]})
    demo.vnet("v", portTags=[{"name": "storage", "accessMode": True}])
    assert demo.agent()["vnets"][0]["members"] == [{"interface": "swp7", "tagged": False}]


def test_free_up_takes_ports_out(demo: Rack) -> None:
    identifier = demo.vnet("v", ports=[{"name": "swp16@leaf1"}, {"name": "swp15@leaf1"}])
    assert demo.call("PUT", "/api/v2/ports/freeup", [{"id": 0, "name": "swp16@leaf1"}])[0] == 200
    assert [name for name, _, _ in names(demo.get(f"/api/v2/vnet/{identifier}"))] == ["swp15@leaf1"]


def test_disabled_vnets_leave_the_switch(demo: Rack) -> None:
    identifier = demo.vnet("v", ports=[{"name": "swp16@leaf1"}])
    assert len(demo.agent()["vnets"]) == 1
    demo.put(f"/api/v2/vnet/{identifier}", **{**demo.get(f"/api/v2/vnet/{identifier}"), "state": "disabled"})
    assert demo.agent()["vnets"] == []
    assert demo.get(f"/api/v2/vnet/{identifier}")["status"]["label"] == "Disabled"

"""Devices, ports, port-channels, links, DHCP option sets, VLAN reservations, NAT, L4LB."""

from __future__ import annotations

from typing import Any

from .rack import Rack

SERVER: dict[str, Any] = {
    "description": "", "links": [], "mainAddress": "", "mgmtAddress": "", "name": "s1", "profile": {},
    "site": {"id": 1}, "uuid": "", "tenant": {"id": 1}, "asn": 0, "portCount": 10, "customData": "",
    "tags": ["rack=1"], "srvRole": "",
}  # fmt: skip
SWITCH: dict[str, Any] = {
    "asn": "auto", "description": "", "links": [], "macAddress": "", "mainAddress": "", "mgmtAddress": "",
    "name": "leaf1", "nos": {"id": 3, "name": "SONiC", "tag": "sonic"}, "portCount": 4, "profile": {},
    "site": {"id": 1}, "tenant": {"id": 1}, "uuid": "", "type": "", "tags": [], "breakout": "", "swRole": "generic",
}  # fmt: skip


def link(local: str, remote: str) -> dict[str, Any]:
    ends = {"id": 0, "ipv4": "", "ipv6": ""}
    return {"local": {**ends, "name": local}, "remote": {**ends, "name": remote}, "underlay": "disabled"}


def pair(rack: Rack) -> tuple[int, int]:
    return rack.post("/api/v2/hw/server", **SERVER), rack.post("/api/v2/hw/switch", **SWITCH)


def port(rack: Rack, name: str) -> dict[str, Any]:
    nic, device = name.split("@")
    (found,) = [
        entry for entry in rack.get(f"/api/v2/ports?portName={nic}&switchID={rack.device(device)}")
        if entry["port"] == nic
    ]  # fmt: skip
    return dict(found)


def test_devices_bring_their_ports(fresh: Rack) -> None:
    server, switch = pair(fresh)
    names = [entry["name"] for entry in fresh.get(f"/api/v2/ports?switchID={server}")]
    assert names == [f"eth{number}@s1" for number in range(1, 11)]
    assert [entry["port"] for entry in fresh.get(f"/api/v2/ports?switchID={switch}")] == [
        "swp1", "swp2", "swp3", "swp4",
    ]  # fmt: skip
    read = fresh.get(f"/api/v2/hw/{switch}")
    assert (read["type"], read["nos"]["tag"], read["asn"] > 0, read["customData"]) == ("switch", "sonic", True, "")
    assert [device["name"] for device in fresh.get("/api/v2/hw?type=server")] == ["s1"]
    assert [device["name"] for device in fresh.get("/api/v2/hw?page=2&limit=1")] == ["leaf1"]
    assert "already exists" in fresh.refused("POST", "/api/v2/hw/server", SERVER)


def test_four_spellings_of_a_ports_name_agree(fresh: Rack) -> None:
    pair(fresh)
    found = port(fresh, "eth9@s1")
    assert found["port"] == found["_port"] == found["info"]["port"] == "eth9"
    assert found["switchName"] == found["switch"]["name"] == "s1"


def test_ports_fit_official_decoders(fresh: Rack) -> None:
    """An object where a client's structure has a number or text makes the whole list unreadable."""
    pair(fresh)
    fresh.post("/api/v2/link", **link("eth9@s1", "swp1@leaf1"))
    fresh.post("/api/v2/ports/lag", id=0, ports=[{"name": "swp1@leaf1"}], tenant={"id": 1}, mtu=9000, lacp="on")
    wanted = {
        int: ["id", "extension", "mtu", "parentPort", "mclagId", "createdDate", "modifiedDate"],
        str: ["adminDown", "autoNeg", "breakout", "description", "desiredSpeed", "duplex", "lacp", "name", "port",
              "_port", "shortName", "speed", "switchName", "fec"],
        dict: ["site", "tenant", "status", "switch", "info", "stateInHierarchy"],
        list: ["slavePorts"],
    }  # fmt: skip
    for found in fresh.get("/api/v2/ports"):
        for kind, fields in wanted.items():
            for field in fields:
                assert type(found[field]) is kind, (found["name"], field)


def test_lists_tell_their_total(fresh: Rack) -> None:
    pair(fresh)
    _, answer = fresh.call("GET", "/api/v2/ports?limit=5&page=3")
    assert len(answer["data"]) == 4
    assert answer["meta"]["totalDocs"] == 14


def test_links_by_name_once_per_port(fresh: Rack) -> None:
    server, _ = pair(fresh)
    identifier = fresh.post("/api/v2/link", **link("eth9@s1", "swp1@leaf1"))
    read = fresh.get(f"/api/v2/link/{identifier}")
    assert isinstance(read["id"], int)
    assert (read["local"]["name"], read["remote"]["name"]) == ("eth9@s1", "swp1@leaf1")
    assert (read["underlay"], read["mclagPeerLink"]) == ("disabled", None)
    assert read["local"]["hardware"]["type"] == "server"
    assert port(fresh, "eth9@s1")["connectedTo"]["displayName"] == "swp1@leaf1"
    assert [entry["remote"]["name"] for entry in fresh.get(f"/api/v2/hw/{server}")["links"]] == ["swp1@leaf1"]
    assert "already linked" in fresh.refused("POST", "/api/v2/link", link("eth10@s1", "swp1@leaf1"))
    assert "does not exist" in fresh.refused("POST", "/api/v2/link", link("eth77@s1", "swp2@leaf1"))
    assert "still has links" in fresh.refused("DELETE", f"/api/v2/hw/server/{server}")
    fresh.delete(f"/api/v2/link/{identifier}")
    fresh.delete(f"/api/v2/hw/server/{server}")
    assert fresh.get("/api/v2/hw?type=server") == []
    assert len(fresh.get("/api/v2/ports")) == 4


def test_device_put_drops_what_is_left_out(fresh: Rack) -> None:
    server, _ = pair(fresh)
    fresh.post("/api/v2/link", **link("eth9@s1", "swp1@leaf1"))
    links = fresh.get(f"/api/v2/hw/{server}")["links"]
    fresh.put(f"/api/v2/hw/server/{server}", **{**SERVER, "links": links, "description": "kept"})
    assert len(fresh.get("/api/v2/link")) == 1
    fresh.put(f"/api/v2/hw/server/{server}", **SERVER)
    assert fresh.get("/api/v2/link") == []
    assert fresh.get(f"/api/v2/hw/{server}")["description"] == ""


def test_port_put_replaces_and_checks(fresh: Rack) -> None:
    pair(fresh)
    identifier = port(fresh, "swp1@leaf1")["id"]
    body = {"adminDown": "no", "autoNeg": "none", "breakout": "off", "description": "up", "duplex": "full",
            "extension": {"id": 0, "name": "ext", "vlanFrom": 10, "vlanTo": 20}, "mtu": 9216, "speed": "10000",
            "tenant": {"id": 1}, "status": "", "fec": "auto"}  # fmt: skip
    fresh.put(f"/api/v2/ports/{identifier}", **body)
    read = fresh.get(f"/api/v2/ports/{identifier}")
    assert (read["desiredSpeed"], read["mtu"], read["description"], read["extension"]) == ("10000", 9216, "up", 1)
    assert fresh.get("/api/v2/ports/extensions") == [{"id": 1, "name": "ext", "vlanFrom": 10, "vlanTo": 20}]
    assert "mtu" in fresh.refused("PUT", f"/api/v2/ports/{identifier}", {**body, "mtu": 9300})
    fresh.refused("PUT", f"/api/v2/ports/{identifier}", {"tenant": {"id": 1}})
    fresh.put("/api/v2/ports", ports=[{**body, "id": identifier, "mtu": 1500, "extension": {}}])
    read = fresh.get(f"/api/v2/ports/{identifier}")
    assert (read["mtu"], read["extension"]) == (1500, 0)


def test_port_channel_life(fresh: Rack) -> None:
    pair(fresh)
    body: dict[str, Any] = {"id": 0, "aggregatedPort": {}, "description": "s1", "extension": {}, "mtu": 9000,
            "ports": [{"name": "swp1@leaf1"}, {"name": "swp2@leaf1"}], "tenant": {"id": 1}, "lacp": "on",
            "mclagId": 0}  # fmt: skip
    identifier = fresh.post("/api/v2/ports/lag", **body)
    read = fresh.get(f"/api/v2/ports/{identifier}")
    assert (read["name"], read["lacp"], read["stateInHierarchy"]["aggregated"]) == ("agg1@leaf1", "on", True)
    assert [(slave["info"]["port"], slave["switchName"]) for slave in read["slavePorts"]] == [
        ("swp1", "leaf1"), ("swp2", "leaf1"),
    ]  # fmt: skip
    member = port(fresh, "swp1@leaf1")
    assert member["stateInHierarchy"]["lagMember"] is True
    assert member["parentPort"] == identifier
    assert "already a member" in fresh.refused("POST", "/api/v2/ports/lag", {**body, "ports": body["ports"][:1]})
    assert "one switch" in fresh.refused("POST", "/api/v2/ports/lag", {**body, "ports": [{"name": "eth9@s1"}]})
    fresh.post("/api/v2/ports/lag", **{**body, "id": identifier, "ports": [{"name": "swp3@leaf1"}]})
    assert [lag["lagMembers"][0]["port"] for lag in fresh.get("/api/v2/ports/aggregatedports")] == ["swp3"]
    assert port(fresh, "swp1@leaf1")["parentPort"] == 0
    fresh.delete(f"/api/v2/ports/{identifier}")
    assert port(fresh, "swp3@leaf1")["parentPort"] == 0
    assert "cannot be deleted" in fresh.refused("DELETE", f"/api/v2/ports/{member['id']}")


def test_dhcp_option_sets(fresh: Rack) -> None:
    identifier = fresh.post(
        "/api/v2/dhcp-option-set",
        name="pxe",
        description="",
        dnsServers=["10.0.0.2"],
        ntpServers=[],
        domainSearch="lab",
        leaseTime=600,
        additionalOptions=[
            {"code": 67, "type": "string", "value": "boot", "isCustom": False},
            {"code": 224, "type": "string", "value": "x", "isCustom": False},
        ],
    )
    read = fresh.get(f"/api/v2/dhcp-option-set/{identifier}")
    assert [option["isCustom"] for option in read["additionalOptions"]] == [False, True]
    assert read["leaseTime"] == 600
    assert "default" in fresh.refused("DELETE", "/api/v2/dhcp-option-set/1")
    fresh.put(f"/api/v2/dhcp-option-set/{identifier}/make-default")
    fresh.delete("/api/v2/dhcp-option-set/1")


def test_vlan_reservations_take_ids_away(fresh: Rack) -> None:
    site = {"id": 1, "name": ""}
    answer = fresh.call("POST", "/api/v2/reservation/vlan", {"vlan": 2, "site": site, "consumer": {"type": "sys"}})
    assert answer[1]["data"]["vlan"] == 2
    vnet = fresh.vnet("v")
    assert fresh.get(f"/api/v2/vnet/{vnet}")["vlan"] == 3
    assert "already used" in fresh.refused("POST", "/api/v2/reservation/vlan", {"vlan": 3, "site": site})
    assert fresh.call("POST", "/api/v2/reservation/vlan", {"vlan": 0, "site": site})[1]["data"]["vlan"] == 4
    assert [entry["vlan"] for entry in fresh.get("/api/v2/reservation/vlan?filterBySite=1")] == [2, 4]
    fresh.delete("/api/v2/reservation/vlan/2/1")
    assert [entry["vlan"] for entry in fresh.get("/api/v2/reservation/vlan")] == [4]


def test_sites_check_their_ranges(fresh: Rack) -> None:
    body = {"name": "b", "publicAsn": 65001, "siteMesh": {"value": "hub"}, "vlanRange": "100-200"}
    identifier = fresh.post("/api/v2/sites", **body)
    read = fresh.get(f"/api/v2/sites/{identifier}")
    assert (read["vlanRange"], read["vlanRangeAutoAssign"], read["siteMesh"]["value"]) == ("100-200", "", "hub")
    bad = {**body, "vlanRangeAutoAssign": "50-150"}
    assert "within vlanRange" in fresh.refused("PUT", f"/api/v2/sites/{identifier}", bad)
    fresh.refused("PUT", f"/api/v2/sites/{identifier}", {**body, "vlanRange": "200-100"})
    fresh.delete(f"/api/v2/sites/{identifier}")


def test_nat_wraps_words_on_read(fresh: Rack) -> None:
    fresh.controller.knobs.nat_subnets = "any"
    body = {"name": "out", "action": "SNAT", "protocol": "all", "site": {"id": 1}, "state": "enabled",
            "sourceAddress": "10.0.0.0/24", "destinationAddress": "0.0.0.0/0", "snatToIP": "1.2.3.4/32",
            "portGroup": {"id": 0, "name": "", "ports": None}}  # fmt: skip
    read = fresh.get(f"/api/v2/nat/{fresh.post('/api/v2/nat', **body)}")
    assert (read["action"]["value"], read["state"]["value"], read["portGroup"]) == ("SNAT", "enabled", None)
    assert (read["snatToIP"], read["vpc"]["id"]) == ("1.2.3.4/32", 1)


def test_l4lb_answers_a_bare_number_for_a_given_address(fresh: Rack) -> None:
    body = {"name": "lb", "tenant": {"id": 1}, "site": {"id": 1}, "automatic": False, "protocol": "tcp",
            "ip": "10.9.0.1", "port": 443, "status": "enable", "healthCheck": "TCP", "timeOut": "3000",
            "requestPath": "", "backendIps": [{"ip": "10.0.0.1", "port": 6443, "maintenance": False}]}  # fmt: skip
    status, answer = fresh.call("POST", "/api/v2/l4lb", body)
    assert (status, answer["data"]) == (200, 1)
    read = fresh.get("/api/v2/l4lb/1")
    assert (read["protocol"], read["healthCheck"]["TCP"]["timeOut"]) == ("TCP", "3000")
    assert "No free address" in fresh.refused("POST", "/api/v2/l4lb", {**body, "name": "b", "automatic": True})


def test_acl_of_equal_content_is_refused(fresh: Rack) -> None:
    body = {"name": "a", "action": "permit", "proto": "tcp", "src_prefix": "10.0.0.0/8", "dst_prefix": "0.0.0.0/0"}
    identifier = fresh.post("/api/acl", **body)
    (read,) = fresh.get("/api/acl")
    assert (read["protocol"], read["src_prefix"], read["src_length"]) == ("tcp", "10.0.0.0", 8)
    assert "already exists" in fresh.refused("PUT", "/api/acl", {**body, "id": identifier})
    assert fresh.call("DELETE", "/api/acl", {"id": [identifier]})[0] == 200

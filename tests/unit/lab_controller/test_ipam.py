"""VPCs, allocations, subnets, hosts."""

from __future__ import annotations

from typing import Any

from .rack import Rack


def allocation(rack: Rack, name: str, prefix: str, vpc: int = 1) -> int:
    return rack.post("/api/v2/ipam/allocation", name=name, prefix=prefix, tenant={"id": 1}, vpc={"id": vpc})


def subnet_body(name: str, prefix: str, vpc: int = 1, **more: Any) -> dict[str, Any]:
    body = {"name": name, "prefix": prefix, "tenant": {"id": 1}, "sites": [{"id": 1}], "purpose": "common"}
    return {**body, "defaultGateway": "", "description": "", "tags": [], "vpc": {"id": vpc}, **more}


def subnet(rack: Rack, name: str, prefix: str, vpc: int = 1, **more: Any) -> int:
    return rack.post("/api/v2/ipam/subnet", **subnet_body(name, prefix, vpc, **more))


def new_vpc(rack: Rack, name: str) -> int:
    return rack.post("/api/v2/vpc", name=name, adminTenant={"id": 1})


def test_vpc_names_are_unique_and_its_owner_is_fixed(fresh: Rack) -> None:
    tenant = fresh.post("/api/tenants", name="Acme")
    vpc = new_vpc(fresh, "a")
    assert "already exists" in fresh.refused("POST", "/api/v2/vpc", {"name": "a", "adminTenant": {"id": 1}})
    body = {"name": "a", "adminTenant": {"id": tenant}}
    assert "cannot be changed" in fresh.refused("PUT", f"/api/v2/vpc/{vpc}", body)
    fresh.put(f"/api/v2/vpc/{vpc}", name="a", guestTenant=[{"id": tenant, "name": ""}], tags=["x"])
    read = fresh.get(f"/api/v2/vpc/{vpc}")
    assert read["guestTenant"] == [{"id": tenant, "name": "Acme"}]
    assert read["tags"] == ["x"]
    assert isinstance(read["createdDate"], int)
    fresh.put(f"/api/v2/vpc/{vpc}", name="a")
    assert fresh.get(f"/api/v2/vpc/{vpc}")["tags"] == []  # a PUT replaces the whole object


def test_vpc_with_children_stays(fresh: Rack) -> None:
    vpc = new_vpc(fresh, "a")
    node = allocation(fresh, "pool", "10.0.0.0/16", vpc)
    assert "still has dependent resources" in fresh.refused("DELETE", f"/api/v2/vpc/{vpc}")
    assert fresh.get(f"/api/v2/vpc/{vpc}/resources")["allocation"] == [{"id": node, "name": "pool"}]
    fresh.delete(f"/api/v2/ipam/allocation/{node}")
    fresh.delete(f"/api/v2/vpc/{vpc}")
    assert "cannot be deleted" in fresh.refused("DELETE", "/api/v2/vpc/1")


def test_make_default_moves_the_default(fresh: Rack) -> None:
    vpc = new_vpc(fresh, "a")
    fresh.put(f"/api/v2/vpc/{vpc}/make-default")
    assert [found["isDefault"] for found in fresh.get("/api/v2/vpc")] == [False, True]
    fresh.post("/api/v2/ipam/allocation", name="p", prefix="10.0.0.0/16", tenant={"id": 1})
    assert fresh.get(f"/api/v2/ipam?filterByVpc={vpc}")[0]["name"] == "p"


def test_tree_shows_the_default_vpc_unless_asked(fresh: Rack) -> None:
    vpc = new_vpc(fresh, "a")
    allocation(fresh, "here", "10.0.0.0/16")
    allocation(fresh, "there", "10.0.0.0/16", vpc)
    inner = subnet(fresh, "inner", "10.0.4.0/24", vpc)
    assert [node["name"] for node in fresh.get("/api/v2/ipam")] == ["here"]
    (node,) = fresh.get(f"/api/v2/ipam?filterByVpc={vpc}")
    assert (node["name"], node["type"], node["vpc"]["id"]) == ("there", "allocation", vpc)
    (child,) = node["children"]
    assert (child["id"], child["type"], child["prefix"]) == (inner, "subnet", "10.0.4.0/24")
    assert child["subnet"] == {"prefix": "10.0.4.0", "length": 24}
    assert child["parentID"] == node["id"]
    assert [found["name"] for found in fresh.get("/api/v2/ipam/subnets")] == ["inner"]
    assert fresh.get("/api/v2/ipam/subnets?filterByVpc=1") == []
    fresh.knobs(ipam_list="all")
    assert len(fresh.get("/api/v2/ipam")) == 2


def test_subnets_lie_in_an_allocation_and_never_overlap(fresh: Rack) -> None:
    assert "no allocation" in fresh.refused("POST", "/api/v2/ipam/subnet", subnet_body("s", "10.0.0.0/24"))
    pool = allocation(fresh, "pool", "10.0.0.0/16")
    body = {"name": "p2", "prefix": "10.0.128.0/17", "tenant": {"id": 1}}
    assert "overlaps" in fresh.refused("POST", "/api/v2/ipam/allocation", body)
    node = subnet(fresh, "s", "10.0.0.0/24")
    assert "overlaps" in fresh.refused("POST", "/api/v2/ipam/subnet", subnet_body("s2", "10.0.0.128/25"))
    assert "already exists" in fresh.refused("POST", "/api/v2/ipam/subnet", subnet_body("s", "10.0.9.0/24"))
    assert "not a valid prefix" in fresh.refused("POST", "/api/v2/ipam/subnet", subnet_body("s3", "10.0.2.1/24"))
    assert "purpose" in fresh.refused("POST", "/api/v2/ipam/subnet", subnet_body("s3", "10.0.2.0/24", purpose="x"))
    assert "still has subnets" in fresh.refused("DELETE", f"/api/v2/ipam/allocation/{pool}")
    put = {key: value for key, value in subnet_body("renamed", "10.0.0.0/24").items() if key != "vpc"}
    fresh.put(f"/api/v2/ipam/subnet/{node}", **put, globalRouting=True)
    assert fresh.get("/api/v2/ipam/subnets")[0]["globalRouting"] is True
    moved = subnet_body("renamed", "10.0.1.0/24")
    assert "cannot be changed" in fresh.refused("PUT", f"/api/v2/ipam/subnet/{node}", moved)


def test_delete_by_prefix(fresh: Rack) -> None:
    allocation(fresh, "pool", "10.0.0.0/16")
    subnet(fresh, "s", "10.0.0.0/24")
    fresh.delete("/api/v2/ipam/subnet/10.0.0.0%2F24")
    fresh.delete("/api/v2/ipam/allocation/10.0.0.0/16")
    assert fresh.get("/api/v2/ipam") == []


def test_gateways_are_hosts_and_hold_their_subnet(fresh: Rack) -> None:
    allocation(fresh, "pool", "10.0.0.0/16")
    node = subnet(fresh, "s", "10.0.0.0/24")
    vnet = fresh.vnet("v", gateways=[{"prefix": "10.0.0.1/24", "dhcpEnabled": False, "dhcp": None, "vlan": ""}])
    (host,) = fresh.get(f"/api/v2/ipam/hosts/{node}")
    assert (host["address"], host["subnetID"], host["type"]) == ("10.0.0.1", node, "host")
    assert "in use by V-Net v" in fresh.refused("DELETE", f"/api/v2/ipam/subnet/{node}")
    fresh.delete(f"/api/v2/vnet/{vnet}")
    fresh.delete(f"/api/v2/ipam/subnet/{node}")


def test_gateways_need_their_subnet(fresh: Rack) -> None:
    body = {"name": "v", "tenant": {"id": 1}, "sites": [{"id": 1}], "vlan": "auto"}
    gateways = [{"prefix": "10.0.0.1/24"}]
    assert "no subnet" in fresh.refused("POST", "/api/v2/vnet", {**body, "gateways": gateways})
    allocation(fresh, "pool", "10.0.0.0/16")
    node = subnet(fresh, "s", "10.0.0.0/24", purpose="loopback")
    assert "not common" in fresh.refused("POST", "/api/v2/vnet", {**body, "gateways": gateways})
    fresh.delete(f"/api/v2/ipam/subnet/{node}")
    subnet(fresh, "s", "10.0.0.0/24")
    for bad in ("10.0.0.0/24", "10.0.0.255/24", "10.0.0.1"):
        fresh.refused("POST", "/api/v2/vnet", {**body, "gateways": [{"prefix": bad}]})
    fresh.vnet("v", gateways=gateways)
    second = {**body, "name": "w", "gateways": gateways}
    assert "already used by V-Net v" in fresh.refused("POST", "/api/v2/vnet", second)


def test_tenants_are_written_with_the_id_in_the_body(fresh: Rack) -> None:
    tenant = fresh.post("/api/tenants", name="Acme", description="one")
    fresh.put("/api/tenants", id=tenant, name="Acme 2")
    assert [t["description"] for t in fresh.get("/api/tenants") if t["id"] == tenant] == ["one"]
    vpc = fresh.post("/api/v2/vpc", name="a", adminTenant={"id": tenant})
    assert "still owns a" in fresh.refused("DELETE", "/api/tenants", {"id": tenant})
    fresh.delete(f"/api/v2/vpc/{vpc}")
    assert fresh.call("DELETE", "/api/tenants", {"id": tenant})[0] == 200
    assert "built-in" in fresh.refused("DELETE", "/api/tenants", {"id": 1})

"""NAT rules and VPC peerings of a tenant cluster, against the simulator: made in one document with it, and removed."""

from __future__ import annotations

from typing import Any

import pytest

from .site import Document, Site, absent, joined, operations, tenant

NOUNS = ("nats", "vpc_peerings", "vpcs", "subnets", "vnets", "server_clusters")


def operator() -> Document:
    """What is there before any tenant cluster: addresses for NAT, and the VPC of the shared services."""
    return {
        "vpcs": [{"name": "services", "owner": "Admin"}],
        "allocations": [
            {"name": "public", "vpc": "VPC-1", "prefix": "198.51.100.0/24", "owner": "Admin"},
            {"name": "services", "vpc": "services", "prefix": "10.80.0.0/16", "owner": "Admin"},
        ],
        "subnets": [
            {"name": "nat", "vpc": "VPC-1", "prefix": "198.51.100.0/28", "owner": "Admin", "sites": ["Default"],
             "purpose": "nat"},
            {"name": "services", "vpc": "services", "prefix": "10.80.0.0/24", "owner": "Admin", "sites": ["Default"]},
        ],
        "vnets": [
            {"name": "services", "vpc": "services", "owner": "Admin", "sites": ["Default"],
             "gateways": [{"prefix": "10.80.0.1/24"}]},
        ],
    }  # fmt: skip


def outside(name: str, number: int) -> Document:
    of = {"server_cluster": name, "postfix": "nodes"}
    rule = {"site": "Default", "vpc": name, **of}
    return {
        "nats": [
            {"name": f"{name}-snat", **rule, "action": "snat", "snat_to": f"198.51.100.{number}"},
            {"name": f"{name}-api", **rule, "action": "dnat", "protocol": "tcp",
             "destination": f"198.51.100.{number}", "destination_port": "443", "dnat_to_host": 1021},
        ],
        "vpc_peerings": [
            {"name": f"{name}-services", "vpc_a": name, "vpc_b": "services", **of,
             "inbound_a": ["permit 10.80.0.0/24"], "inbound_b": ["permit {subnet}"]},
        ],
    }  # fmt: skip


def without(name: str) -> Document:
    names = {"nats": (f"{name}-snat", f"{name}-api"), "vpc_peerings": (f"{name}-services",)}
    return {key: [{"name": each, "state": "absent"} for each in found] for key, found in names.items()}


@pytest.mark.parametrize("site", [{}, {"peering_lists": "one"}], indirect=True)
def test_made_with_the_tenant_cluster_in_one_document_and_then_left_alone(site: Site) -> None:
    site.apply(operator())
    document = joined(tenant("blue", ["metal1"]), outside("blue", 5))

    planned = site.apply(document, check=True)
    assert planned["diff"]["after"]["nats"]["blue-snat"]["source"] == "(known after apply)"
    assert planned["objects"]["nats"][0]["source"] is None
    result = site.apply(document)
    assert operations(result) == operations(planned)

    found = {rule["name"]: rule for rule in site.gather("nats")["nats"]}
    assert found["blue-snat"]["source"] == "192.168.64.0/22"
    assert found["blue-api"]["dnat_to"] == "192.168.67.253"
    assert found["blue-api"]["tags"] == ["managed-by=baremetal.fabric"]
    (peering,) = site.gather("vpc_peerings")["vpc_peerings"]
    assert (peering["vpc_a"], peering["vpc_b"], peering["inbound_b"]) == (
        "blue",
        "services",
        ["permit 192.168.64.0/22"],
    )

    again = site.apply(document)
    assert (again["changed"], again["requests"]["write"]) == (False, 0)


def test_changed_in_place(site: Site) -> None:
    site.apply(operator())
    document = joined(tenant("blue", ["metal1"]), outside("blue", 5))
    site.apply(document)
    document["nats"][1]["destination_port"] = "8443"
    document["vpc_peerings"][0]["inbound_a"] = []

    assert operations(site.apply(document)) == [
        ("update", "vpc_peerings", "blue-services"),
        ("update", "nats", "blue-api"),
    ]
    assert site.apply(document)["changed"] is False


def test_an_address_goes_from_one_tenant_cluster_to_the_other(site: Site) -> None:
    site.apply(operator())
    both = joined(tenant("blue", ["metal1"]), tenant("green", ["metal2"]))
    site.apply(joined(both, outside("blue", 5)))
    site.apply(joined(both, without("blue")))
    site.apply(joined(both, outside("green", 5)))

    assert {rule["vpc"] for rule in site.gather("nats")["nats"]} == {"green"}


def test_removed_before_the_tenant_cluster_and_nothing_is_left(site: Site) -> None:
    site.apply(operator())
    before = site.gather(*NOUNS)
    site.apply(joined(tenant("blue", ["metal1"]), outside("blue", 5)))

    gone = joined(absent("blue"), without("blue"))
    result = site.apply(gone)

    assert [noun for _, noun, _ in operations(result)] == [
        "nats",
        "nats",
        "vpc_peerings",
        "server_clusters",
        "server_cluster_templates",
        "vpcs",
    ]
    assert site.gather(*NOUNS) == before
    assert site.apply(gone)["changed"] is False


def test_a_run_cut_short_is_finished_by_the_next(site: Site) -> None:
    site.apply(operator())
    document: dict[str, Any] = joined(tenant("blue", ["metal1"]), outside("blue", 5))
    # Seven writes make the tenant cluster; the answers to what follows are lost.
    site.apply(tenant("blue", ["metal1"]))
    site.knobs(lose_next_answers=2)
    site.apply(document)

    assert len(site.gather("nats")["nats"]) == 2
    assert site.apply(document)["changed"] is False

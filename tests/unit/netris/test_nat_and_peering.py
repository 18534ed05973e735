"""NAT rules and VPC peerings: what equal readings look like, what is ours, and what must wait for a subnet."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.document_schema import parse_document
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.errors import DocumentInvalid
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.model import Names
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.nouns.registry import ALL
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.reconcile import as_diff

from .world import ADMIN, DEFAULT, MARK, Lists, cluster, plan, steps, template

VPC_1 = {"id": 1, "name": "VPC-1"}
BLUE = {"id": 5, "name": "blue", "adminTenant": ADMIN, "tags": [MARK]}
SERVICES = {"id": 6, "name": "services", "adminTenant": ADMIN, "tags": []}


def word(value: str) -> dict[str, str]:
    return {"label": value, "value": value}


def rule(**more: Any) -> dict[str, Any]:
    """As a controller shows it."""
    return {
        "id": 9, "name": "out", "site": DEFAULT, "vpc": VPC_1, "state": word("enabled"), "action": word("SNAT"),
        "protocol": word("all"), "sourceAddress": "192.168.64.0/22", "sourcePort": "1-65535",
        "destinationAddress": "0.0.0.0", "destinationPort": "", "snatToIP": "198.51.100.5", "snatToPool": "",
        "dnatToIP": "", "dnatToPort": 0, "portGroup": "", "comment": f"by hand, {MARK}", **more,
    }  # fmt: skip


def wanted(**more: Any) -> dict[str, Any]:
    return {
        "name": "out", "site": "Default", "vpc": "VPC-1", "action": "snat", "source": "192.168.64.0/22",
        "destination": "0.0.0.0/0", "snat_to": "198.51.100.5/32", **more,
    }  # fmt: skip


def built() -> dict[str, Any]:
    """A server cluster blue whose V-Net has a subnet."""
    vnet = {
        "id": 3, "name": "blue-nodes", "vpc": VPC_1, "tenant": ADMIN, "sites": [DEFAULT], "vlan": 3, "state": "active",
        "gateways": [{"prefix": "192.168.67.254/22"}], "ports": [],
    }  # fmt: skip
    made = cluster(4, "blue", vnets=[{"id": 3, "name": "blue-nodes"}])
    return {"clusters": [made], "templates": [template()], "vnets": [vnet]}


@pytest.mark.parametrize("reading", [{}, {"destinationAddress": "0.0.0.0/0", "snatToIP": "198.51.100.5/32"}])
def test_masks_ranges_and_wrapped_words_are_no_difference(reading: dict[str, Any]) -> None:
    found = plan({"nats": [wanted(tags=["by hand"])]}, Lists(nats=[rule(**reading)]))
    assert steps(found) == []


def test_a_rule_is_written_in_the_controllers_words() -> None:
    names = Names()
    names.learn("sites", 1, "Default")
    names.learn("vpcs", 1, "VPC-1")
    (action,) = plan({"nats": [wanted()]}, Lists()).actions
    body = ALL["nats"].create_body(action.after or {}, names)
    assert (body["action"], body["state"], body["protocol"]) == ("SNAT", "enabled", "all")
    assert (body["sourceAddress"], body["destinationAddress"]) == ("192.168.64.0/22", "0.0.0.0/0")
    assert (body["snatToIP"], body["comment"]) == ("198.51.100.5/32", MARK)
    assert body["portGroup"] == {"id": 0, "name": "", "ports": None}


def test_a_rule_of_others_is_neither_changed_nor_deleted() -> None:
    foreign = Lists(nats=[rule(comment="somebody's")])
    for entry in (wanted(snat_to="198.51.100.6"), {"name": "out", "state": "absent"}):
        with pytest.raises(DocumentInvalid, match="not made by this collection"):
            plan({"nats": [entry]}, foreign)
    assert steps(plan({"nats": [{"name": "out", "state": "absent", "adopt": True}]}, foreign)) == [("delete", "out")]


@pytest.mark.parametrize(
    ("entry", "path", "message"),
    [
        ({"snat_to": None}, "nats[0].snat_to", "is required with action: snat"),
        ({"snat_to_pool": "198.51.100.8/30"}, "nats[0].snat_to", "one of the two"),
        ({"source": "192.168.64.1/22"}, "nats[0].source", "without host bits"),
        ({"action": "dnat"}, "nats[0].dnat_to", "is required with action: dnat"),
        ({"action": "dnat", "dnat_to": "10.0.0.1"}, "nats[0].destination", "is one address"),
        ({"protocol": "icmp", "destination_port": "80"}, "nats[0].destination_port", "has no meaning"),
        ({"source_port": "70000"}, "nats[0].source_port", "neither a port"),
        ({"dnat_to_host": 9}, "nats[0].server_cluster", "is required with dnat_to_host"),
        ({"server_cluster": "blue"}, "nats[0].postfix", "is required"),
    ],
)
def test_mistakes_in_rules(entry: dict[str, Any], path: str, message: str) -> None:
    with pytest.raises(DocumentInvalid) as caught:
        parse_document({"nats": [wanted(**entry)]})
    assert any(each.path == path and message in each.message for each in caught.value.mistakes), caught.value


def test_two_rules_cannot_take_one_port_of_an_address() -> None:
    entry = {
        "site": "Default", "vpc": "VPC-1", "action": "dnat", "protocol": "tcp",
        "destination": "198.51.100.6", "destination_port": "443", "dnat_to": "192.168.64.9",
    }  # fmt: skip
    with pytest.raises(DocumentInvalid, match=r"198\.51\.100\.6 port 443/tcp is wanted by"):
        plan({"nats": [{"name": "one", **entry}, {"name": "two", **entry}]}, Lists())


def test_what_depends_on_a_subnet_waits_for_it() -> None:
    entries = [
        {"name": "out", "site": "Default", "vpc": "VPC-1", "action": "snat", "snat_to": "198.51.100.5",
         "server_cluster": "blue", "postfix": "nodes"},
        {"name": "in", "site": "Default", "vpc": "VPC-1", "action": "dnat", "destination": "198.51.100.6",
         "server_cluster": "blue", "postfix": "nodes", "dnat_to_host": 1021},
    ]  # fmt: skip
    early = cluster(4, "blue")
    waiting = plan({"nats": entries}, Lists(clusters=[early], templates=[template()]))
    assert [(action.name, action.operation, action.deferred) for action in waiting.actions] == [
        ("out", "create", True),
        ("in", "create", True),
    ]
    shown = as_diff(waiting.actions)["after"]["nats"]
    assert (shown["out"]["source"], shown["in"]["dnat_to"]) == ("(known after apply)", "(known after apply)")

    ready = plan({"nats": entries}, Lists(**built()))
    values = {action.name: action.after or {} for action in ready.ready}
    assert (values["out"]["source"], values["in"]["dnat_to"]) == ("192.168.64.0/22", "192.168.67.253")
    with pytest.raises(DocumentInvalid, match=r"1023 is not a host number of 192\.168\.64\.0/22"):
        plan({"nats": [{**entries[1], "dnat_to_host": 1023}]}, Lists(**built()))


def peering(**more: Any) -> dict[str, Any]:
    return {
        "id": 2, "name": "blue-services", "createdDate": "2026-01-01T00:00:00.000Z",
        "vpcA": {"id": 5, "prefixListInboundIPv4": "permit 10.80.0.0/24", "prefixListInboundIPv6": None},
        "vpcB": {"id": 6, "prefixListInboundIPv4": "permit 192.168.64.0/22", "prefixListInboundIPv6": ""}, **more,
    }  # fmt: skip


def peered(**more: Any) -> dict[str, Any]:
    return {
        "name": "blue-services", "vpc_a": "blue", "vpc_b": "services", "inbound_a": ["permit 10.80.0.0/24"],
        "inbound_b": ["permit {subnet}"], "server_cluster": "blue", "postfix": "nodes", **more,
    }  # fmt: skip


ONE_LIST = {
    "vpcA": {"id": 5, "prefixListInbound": "permit 10.80.0.0/24\n"},
    "vpcB": {"id": 6, "prefixListInbound": "permit 192.168.64.0/22"},
}


@pytest.mark.parametrize("reading", [{}, ONE_LIST])
def test_both_forms_of_the_prefix_lists_are_read(reading: dict[str, Any]) -> None:
    lists = Lists(vpcs=[BLUE, SERVICES], vpc_peerings=[peering(**reading)], **built())
    assert steps(plan({"vpc_peerings": [peered()]}, lists)) == []


@pytest.mark.parametrize(("reading", "key"), [({}, "prefixListInboundIPv4"), (ONE_LIST, "prefixListInbound")])
def test_an_update_writes_the_form_that_it_read(reading: dict[str, Any], key: str) -> None:
    names = Names()
    names.learn("vpcs", 5, "blue")
    names.learn("vpcs", 6, "services")
    lists = Lists(vpcs=[BLUE, SERVICES], vpc_peerings=[peering(**reading)], **built())
    (action,) = plan({"vpc_peerings": [peered(inbound_a=["permit 10.81.0.0/24"])]}, lists).actions
    assert action.record is not None
    body = ALL["vpc_peerings"].update_body(action.after or {}, action.record, names)
    assert (body["vpcA"]["id"], body["vpcA"][key]) == (5, "permit 10.81.0.0/24")
    assert body["vpcB"][key] == "permit 192.168.64.0/22"


def test_mistakes_in_peerings() -> None:
    with pytest.raises(DocumentInvalid, match="is the same VPC as vpc_a"):
        parse_document({"vpc_peerings": [peered(vpc_b="blue")]})
    with pytest.raises(DocumentInvalid, match="needs server_cluster and postfix"):
        parse_document({"vpc_peerings": [{"name": "x", "inbound_b": ["permit {subnet}"]}]})
    with pytest.raises(DocumentInvalid, match="the peering of the VPCs blue and services is wanted by"):
        parse_document({"vpc_peerings": [peered(), peered(name="again", vpc_a="services", vpc_b="blue")]})


def test_outside_goes_before_the_cluster_and_comes_after_it() -> None:
    lists = Lists(
        vpcs=[BLUE, SERVICES], vpc_peerings=[peering()], nats=[rule(vpc={"id": 5, "name": "blue"})], **built()
    )
    gone = {
        "vpcs": [{"name": "blue", "state": "absent"}],
        "server_clusters": [{"name": "blue", "state": "absent"}],
        "vpc_peerings": [{"name": "blue-services", "state": "absent"}],
        "nats": [{"name": "out", "state": "absent"}],
    }
    assert [name for _, name in steps(plan(gone, lists))] == ["out", "blue-services", "blue", "blue"]

"""NAT rules. The lab's leaf carries them out, as a SoftGate would."""

from __future__ import annotations

import ipaddress
from typing import Any

from ..call import Call, Reply, created, crud, deleted, updated
from ..core import stamped
from ..errors import invalid
from ..knobs import Knobs
from ..store import Record, Store
from ..translation import ALL_PORTS, host, outside, ports, prefix
from ..values import choice, needed, ref, text, unique_name
from . import ipam, vpcs

TEXTS = (
    "comment", "sourceAddress", "sourcePort", "destinationAddress", "destinationPort",
    "dnatToIP", "dnatToPort", "snatToIP", "snatToPool",
)  # fmt: skip


def build(store: Store, knobs: Knobs, body: dict[str, Any], current: Record | None = None) -> Record:
    name = text(body, "name", required=True)
    identifier = current["id"] if current else 0
    unique_name(store, "nat", name, identifier)
    rule = stamped(
        {
            "id": identifier or store.next_id("nat"),
            "name": name,
            "site": needed(store, "site", body, "site")["id"],
            "vpc": vpcs.chosen(store, body)["id"],
            "state": choice(body, "state", ("enabled", "disabled"), "enabled"),
            "action": choice(body, "action", ("DNAT", "SNAT", "ACCEPT_SNAT"), "SNAT"),
            "protocol": choice(body, "protocol", ("all", "tcp", "udp", "icmp"), "all"),
            **{field: text(body, field) for field in TEXTS},
        },
        current,
    )
    _check(store, knobs, rule)
    return rule


def _check(store: Store, knobs: Knobs, rule: Record) -> None:
    for field in ("sourceAddress", "destinationAddress", "snatToPool"):
        if rule[field]:
            prefix(rule[field], field)
    for field in ("sourcePort", "destinationPort", "dnatToPort"):
        ports(rule[field], field)
        if rule[field] not in ALL_PORTS and rule["protocol"] not in ("tcp", "udp"):
            raise invalid(field, f"{field} needs the protocol tcp or udp.")
    if rule["action"] == "SNAT":
        if bool(rule["snatToIP"]) == bool(rule["snatToPool"]):
            raise invalid("snatToIP", "One of snatToIP and snatToPool is required.")
        if not rule["sourceAddress"]:
            raise invalid("sourceAddress", "sourceAddress is required.")
    if rule["action"] == "DNAT":
        if not rule["dnatToIP"]:
            raise invalid("dnatToIP", "dnatToIP is required.")
        host(rule["dnatToIP"], "dnatToIP")
        if "-" in rule["dnatToPort"] and rule["dnatToPort"] != rule["destinationPort"]:
            raise invalid("dnatToPort", "dnatToPort is one port, or the range of destinationPort.")
    for field, net in outside(rule):
        _check_outside(store, knobs, rule, field, net)
    _check_clash(store, rule)


def _check_outside(store: Store, knobs: Knobs, rule: Record, field: str, net: ipaddress.IPv4Network) -> None:
    """It lies in a subnet for NAT of the site, in the system VPC, and leads to one VPC only."""
    if knobs.nat_subnets == "required" and not any(
        node["purpose"] == "nat"
        and rule["site"] in node["sites"]
        and vpcs.brief(store, node["vpc"])["isSystem"]
        and net.subnet_of(ipaddress.IPv4Network(node["prefix"]))
        for node in ipam.nodes(store, "subnet")
        if ":" not in node["prefix"]
    ):
        raise invalid(field, f"{field}: {net} lies in no subnet with the purpose nat of this site's system VPC.")
    for other in store.all("nat"):
        if other["id"] != rule["id"] and other["vpc"] != rule["vpc"]:
            for _, taken in outside(other):
                if taken.overlaps(net):
                    raise invalid(field, f"{field}: {net} is used by NAT rule {other['name']} of another VPC.")


def _check_clash(store: Store, rule: Record) -> None:
    """Two rules in force never lead the same port of an address to two places."""
    if rule["action"] != "DNAT" or rule["state"] != "enabled":
        return
    net, span = outside(rule)[0][1], ports(rule["destinationPort"], "destinationPort")
    for other in store.all("nat"):
        if other["id"] == rule["id"] or other["action"] != "DNAT" or other["state"] != "enabled":
            continue
        same_protocol = rule["protocol"] == other["protocol"] or "all" in (rule["protocol"], other["protocol"])
        low, high = ports(other["destinationPort"], "destinationPort")
        if same_protocol and outside(other)[0][1] == net and low <= span[1] and span[0] <= high:
            raise invalid("destinationPort", f"NAT rule {other['name']} leads these ports of {net} elsewhere.")


def render(store: Store, rule: Record) -> dict[str, Any]:
    shown = {field: {"label": rule[field], "value": rule[field]} for field in ("state", "action", "protocol")}
    site, vpc = ref(store, "site", rule["site"]), vpcs.brief(store, rule["vpc"])
    return {**rule, **shown, "site": site, "vpc": vpc, "portGroup": None, "pool": bool(rule["snatToPool"])}


def listing(call: Call) -> Reply:
    sites, wanted = call.sites(), call.vpc()
    return Reply(
        [
            render(call.store, rule)
            for rule in call.store.all("nat")
            if (sites is None or rule["site"] in sites) and (wanted is None or rule["vpc"] in wanted)
        ]
    )


def one(call: Call) -> Reply:
    return Reply(render(call.store, call.record("nat")))


def post(call: Call) -> Reply:
    rule = build(call.store, call.controller.knobs, call.body)
    call.store.put("nat", rule)
    return created(rule["id"])


def put(call: Call) -> Reply:
    rule = build(call.store, call.controller.knobs, call.body, call.record("nat"))
    call.store.put("nat", rule)
    return updated(rule["id"])


def delete(call: Call) -> Reply:
    call.store.delete("nat", call.record("nat")["id"])
    return deleted()


ROUTES = crud("/api/v2/nat", listing, one, post, put, delete)

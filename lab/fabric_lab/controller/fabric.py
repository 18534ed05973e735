"""What each switch shall do: the configuration for its agent, and a generation that counts its changes."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from . import exchange, translation
from .store import Record, Store
from .topology import Topology

# A change of any other kind cannot change a switch's configuration.
_RELEVANT = {"vnet", "port", "hw", "link", "dhcp", "vpc", "nat", "peering"}


def members(topology: Topology, store: Store, vnet: Record) -> dict[int, tuple[Record, bool]]:
    """Switch interfaces of a V-Net by id, each with whether its frames are tagged.

    Ports listed by hand win over those that `portTags` pull in by a server's labels.
    """
    found: dict[int, tuple[Record, bool]] = {}
    for entry in [*labelled_ports(topology, store, vnet), *vnet["ports"]]:
        interface = topology.interface(entry["id"])
        if interface is not None and entry.get("state", "active") == "active":
            found[interface["id"]] = (interface, not entry["accessMode"])
    return found


def labelled_ports(topology: Topology, store: Store, vnet: Record) -> list[Record]:
    """Ports of servers labelled `iface.<nic>=<name>` for one of the V-Net's port tags."""
    wanted = {tag["name"]: tag["accessMode"] for tag in vnet["portTags"]}
    if not wanted:
        return []
    found = []
    for server in store.all("hw"):
        for label in server["tags"]:
            key, _, name = label.partition("=")
            if name in wanted and key.startswith("iface."):
                port = topology.named(f"{key.removeprefix('iface.')}@{server['name']}")
                if port is not None:
                    found.append({"id": port["id"], "accessMode": wanted[name]})
    return found


def refresh(store: Store, log: list[tuple[str, int, Record | None]]) -> bool:
    """Counts up the generation of each switch whose configuration the transaction has changed."""
    if not any(kind in _RELEVANT for kind, _, _ in log):
        return False
    changed = False
    documents = configurations(store)
    for switch_id, document in documents.items():
        digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
        known = store.peek("config", switch_id)
        if known is None or known["digest"] != digest:
            generation = known["generation"] + 1 if known else 1
            store.put("config", {"id": switch_id, "generation": generation, "digest": digest})
            changed = True
    for known in store.all("config"):
        if known["id"] not in documents:
            store.delete("config", known["id"])
            changed = True
    return changed


def generation(store: Store, switch_id: int) -> int:
    record = store.peek("config", switch_id)
    return int(record["generation"]) if record else 0


def awaited(store: Store, *member_sets: dict[int, tuple[Record, bool]]) -> dict[str, int]:
    """Generations that the switches of these interfaces have now. Call after `refresh`."""
    switches = {interface["hw"] for found in member_sets for interface, _ in found.values()}
    return {str(switch): generation(store, switch) for switch in sorted(switches)}


def configurations(store: Store) -> dict[int, dict[str, Any]]:
    """Every switch's configuration (without its generation) by the switch's id."""
    topology = Topology(store)
    vnets = [
        (vnet, members(topology, store, vnet))
        for vnet in store.all("vnet")
        if vnet["state"] == "active" and (vnet["vlan"] or vnet["fabricVlan"])
    ]
    documents = {}
    for switch in store.all("hw"):
        if switch["type"] != "switch":
            continue
        ports = topology.ports_of(switch["id"])
        documents[switch["id"]] = {
            "switch": switch["name"],
            "ports": [_port(port) for port in ports if not port["members"]],
            "lags": [_lag(store, port) for port in ports if port["members"]],
            "vnets": [
                _vnet(store, vnet, [m for m in found.values() if m[0]["hw"] == switch["id"]])
                for vnet, found in vnets
                if switch["site"] in vnet["sites"]
            ],
            "nat": [
                _nat(rule) for rule in store.all("nat") if rule["state"] == "enabled" and rule["site"] == switch["site"]
            ],
            "peerings": [_peering(store, peering) for peering in store.all("peering")],
        }
    return documents


def _port(port: Record) -> dict[str, Any]:
    return {
        "name": port["port"],
        "mtu": port["mtu"],
        "admin": "down" if port["adminDown"] else "up",
        "description": port["description"],
    }


def _lag(store: Store, port: Record) -> dict[str, Any]:
    names = [member["port"] for identifier in port["members"] if (member := store.peek("port", identifier))]
    return {"name": port["port"], "members": names, "lacp": port["lacp"] == "on", "mtu": port["mtu"]}


def _vnet(store: Store, vnet: Record, found: list[tuple[Record, bool]]) -> dict[str, Any]:
    vpc = store.peek("vpc", vnet["vpc"])
    return {
        "id": vnet["id"],
        "name": vnet["name"],
        "vlan": vnet["vlan"] or vnet["fabricVlan"],
        "vpc": {"id": vnet["vpc"], "name": vpc["name"] if vpc else ""},
        "gateways": [
            {"address": gateway["prefix"], "dhcp": _dhcp(store, gateway["dhcp"])} for gateway in vnet["gateways"]
        ],
        "members": [{"interface": port["port"], "tagged": tagged} for port, tagged in found],
    }


def _nat(rule: Record) -> dict[str, Any]:
    """A rule in force, in the agents' words; a port of 0 is any."""
    destination, target = translation.ports(rule["destinationPort"], ""), translation.ports(rule["dnatToPort"], "")
    return {
        "id": rule["id"],
        "name": rule["name"],
        "vpc": rule["vpc"],
        "action": rule["action"].lower(),
        "protocol": rule["protocol"],
        "source": rule["sourceAddress"] or "0.0.0.0/0",
        "source_ports": _span(translation.ports(rule["sourcePort"], "")),
        "destination": rule["destinationAddress"] or "0.0.0.0/0",
        "destination_ports": _span(destination),
        "outside": [str(net) for _, net in translation.outside(rule)],
        "to": rule["dnatToIP"].removesuffix("/32"),
        "to_port": _span(target) if target != destination else None,
    }


def _span(ports: tuple[int, int]) -> list[int] | None:
    """The first and last port; None for all of them."""
    return list(ports) if ports != (1, 65535) else None


def _peering(store: Store, peering: Record) -> dict[str, Any]:
    """Two VPCs, each with the networks that it reaches through the other."""
    routes = exchange.routes(store, peering)
    sides = [{"vpc": peering[side]["vpc"], "routes": routes[side]} for side in exchange.SIDES]
    return {"id": peering["id"], "name": peering["name"], "sides": sides}


def _dhcp(store: Store, dhcp: Record | None) -> dict[str, Any] | None:
    if dhcp is None:
        return None
    options = store.peek("dhcp", dhcp["optionSet"]) or {}
    return {
        "start": dhcp["start"],
        "end": dhcp["end"],
        "lease_time": options.get("leaseTime", 86400),
        "dns": options.get("dnsServers", []),
        "domain_search": options.get("domainSearch", ""),
        "options": [
            {key: option[key] for key in ("code", "type", "value")} for option in options.get("additionalOptions", [])
        ],
    }

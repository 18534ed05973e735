"""The site that the controller starts with: the demo's, fitted to the servers and cables of this lab's rack."""

from __future__ import annotations

from typing import Any

import yaml

from fabric_lab.rack.topology import LEAF, OUTLETS, Rack
from fabric_lab.state import REPOSITORY

SOURCE = REPOSITORY / "lab" / "rack" / "demo.seed.yaml"


def fit(seed: dict[str, Any], rack: Rack) -> dict[str, Any]:
    """The seed with the rack's servers instead of the demo's; entries of servers in both stay as they are. Pure."""
    known = {server["name"]: server for server in seed["servers"]}
    machines = {machine.name: [cable.nic for cable in machine.cables] for machine in rack.servers}
    outside = {peer: server for peer, server in known.items() if not peer.startswith(("shared", "metal"))}
    servers = [known.get(name, {"name": name, "nics": nics}) for name, nics in machines.items()]
    links = []
    outlets = {outlet.name for outlet in OUTLETS}  # beyond what the controller knows
    for cable in rack.leaf.cables:
        name, _, nic = cable.peer.partition(":")
        if name in outlets:
            continue
        links.append([f"{nic}@{name}", f"{cable.nic}@{LEAF}"])
    highest = max(int(cable.nic.removeprefix("swp")) for cable in rack.leaf.cables)
    switches = [
        {**switch, "ports": max(int(switch["ports"]), highest)} if switch["name"] == LEAF else switch
        for switch in seed["switches"]
    ]
    return {**seed, "switches": switches, "servers": [*servers, *outside.values()], "links": links}


def text(rack: Rack) -> str:
    """The seed file of a lab."""
    seed: dict[str, Any] = yaml.safe_load(SOURCE.read_text())
    return yaml.safe_dump(fit(seed, rack), sort_keys=False)

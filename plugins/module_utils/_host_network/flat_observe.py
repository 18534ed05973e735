# SPDX-License-Identifier: Apache-2.0
"""One read-only look at what a flat network is made of on this server."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Mapping

from . import netplan
from .errors import HostNetworkError
from .flat_forward import SCRIPT, SCRIPT_FILE, UNAVAILABLE, rules_file
from .flat_model import DHCP, NONE, STATIC, Addressing, FlatNetwork, Route
from .flat_netplan import FlatFile, flat_file, name_of_file, read_flat_file
from .links import Links
from .management import ManagementPath, management_path
from .observe import read_links
from .rollback import Pending, pending
from .system import System


@dataclass(frozen=True)
class DefaultRoute:
    device: str
    metric: int
    via: str | None
    family: int


@dataclass(frozen=True)
class FlatObserved:
    links: Links
    text: str | None = None
    file: FlatFile | None = None
    others: Mapping[str, FlatFile] = field(default_factory=dict)
    default_routes: tuple[DefaultRoute, ...] = ()
    script: str | None = None
    rules: str | None = None
    forward: str = UNAVAILABLE
    management: ManagementPath = field(default_factory=ManagementPath)
    pending: Pending | None = None


def observe_flat(system: System, network: FlatNetwork, management_peer: str | None) -> FlatObserved:
    if not any(system.exists(f"{directory}/netplan") for directory in ("/usr/sbin", "/usr/bin", "/sbin")):
        raise HostNetworkError("this server has no netplan, which is the only network backend of this version")
    links = read_links(system)
    text = system.read(flat_file(network.name))
    script = system.read(SCRIPT_FILE)
    return FlatObserved(
        links=links,
        text=text,
        file=read_flat_file(text) if text is not None else None,
        others=_others(system, network.name),
        default_routes=default_routes(system),
        script=script,
        rules=system.read(rules_file(network.name)),
        forward=forward_state(system, network.bridge) if script == SCRIPT and network.bridge in links else UNAVAILABLE,
        management=management_path(system, links, management_peer),
        pending=pending(system),
    )


def forward_state(system: System, bridge: str) -> str:
    return system.run(SCRIPT_FILE, "status", bridge).strip()


def default_routes(system: System) -> tuple[DefaultRoute, ...]:
    """Every default route, the one that is used first."""
    found: list[DefaultRoute] = []
    for family in (4, 6):
        for entry in _read(system, "ip", f"-{family}", "-j", "route", "show", "default"):
            for hop in entry.get("nexthops") or [entry]:
                if hop.get("dev"):
                    found.append(DefaultRoute(hop["dev"], int(entry.get("metric", 0)), hop.get("gateway"), family))
    return tuple(sorted(found, key=lambda each: (each.family, each.metric)))


def found_addressing(system: System, device: str, wanted: Addressing) -> Addressing:
    """What a device has now, as somebody would have written it down. Without anything there is nothing to keep."""
    addresses: list[str] = []
    dynamic = advertised = False
    for entry in _read(system, "ip", "-j", "address", "show", "dev", device):
        for address in entry.get("addr_info") or ():
            if address.get("scope") != "global":
                continue
            if address.get("dynamic"):
                advertised = advertised or address.get("family") == "inet6"
                dynamic = dynamic or address.get("family") == "inet"
            else:
                addresses.append(f"{address['local']}/{address['prefixlen']}")
    gateway: str | None = None
    routes: list[Route] = []
    for family in (4, 6):
        for entry in _read(system, "ip", f"-{family}", "-j", "route", "show", "dev", device):
            if entry.get("protocol") == "dhcp":
                dynamic = dynamic or family == 4
            elif entry.get("protocol") not in ("kernel", "ra") and entry.get("gateway"):
                if entry["dst"] == "default" and gateway is None and family == 4:
                    gateway = entry["gateway"]
                else:
                    routes.append(Route(_network(entry["dst"], family), entry["gateway"], entry.get("metric")))
    mode = DHCP if dynamic else STATIC if addresses else NONE
    servers, search = ((), ()) if dynamic else _resolver(system, device)
    return Addressing(
        mode=mode,
        addresses=tuple(addresses),
        gateway=gateway,
        routes=tuple(routes),
        nameservers=servers,
        search=search,
        route_metric=wanted.route_metric,
        use_routes=wanted.use_routes,
        use_dns=wanted.use_dns,
        accept_ra=wanted.accept_ra or advertised,
    )


def _network(destination: str, family: int) -> str:
    if "/" in destination or destination == "default":
        return destination
    return f"{destination}/{32 if family == 4 else 128}"


def _resolver(system: System, device: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Name servers and domains of a device, from where systemd-networkd notes them."""
    index = (system.read(f"/sys/class/net/{device}/ifindex") or "").strip()
    values = dict(
        line.split("=", 1)
        for line in (system.read(f"/run/systemd/netif/links/{index}") or "").splitlines()
        if "=" in line
    )
    return tuple(values.get("DNS", "").split()), tuple(values.get("DOMAINS", "").split())


def _read(system: System, *argv: str) -> list[Mapping[str, Any]]:
    """Where the kernel has no IPv6 it has no routes of that family. Anything else that fails must not look like nothing
    there: a bridge would be made without what the NIC has."""
    if "-6" in argv:
        code, output, _errors = system.attempt(*argv)
        if code != 0:
            return []
    else:
        output = system.run(*argv)
    entries: list[Mapping[str, Any]] = json.loads(output or "[]")
    return [entry for entry in entries if entry]


def _others(system: System, own: str) -> dict[str, FlatFile]:
    files: dict[str, FlatFile] = {}
    for file_name in system.list(netplan.DIRECTORY):
        name = name_of_file(file_name)
        file = read_flat_file(system.read(f"{netplan.DIRECTORY}/{file_name}") or "") if name and name != own else None
        if name and file:
            files[name] = file
    return files

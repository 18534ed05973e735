"""What the kernel says. Decoding is apart from asking, so that it can be tested without a switch."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fabric_agent.desired import VPC_PREFIX

CONFIG_DIRECTORY = Path("/run/fabric-agent/dhcp")
# One process for both; a namespace without tables is not asked for their contents, which would make them.
_LOOK = """cat /proc/sys/net/ipv4/ip_forward
{ read -r _ </proc/net/ip_tables_names; } 2>/dev/null && exec iptables-legacy-save
true"""


@dataclass(frozen=True)
class Link:
    name: str
    kind: str = ""
    master: str = ""
    mtu: int = 1500
    up: bool = False
    oper: bool = False
    mac: str = ""
    bond_mode: str = ""
    alias: str = ""


@dataclass(frozen=True)
class Vlan:
    vid: int
    untagged: bool


@dataclass(frozen=True)
class Namespace:
    """A VPC: the addresses of each of its interfaces, and whether it forwards between them."""

    addresses: dict[str, frozenset[str]] = field(default_factory=dict)
    forwarding: bool = False
    down: frozenset[str] = frozenset()
    # What we set beyond addresses: "NETWORK via GATEWAY dev NAME", and lines of packet filter and NAT.
    routes: frozenset[str] = frozenset()
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class Observed:
    links: dict[str, Link] = field(default_factory=dict)
    vlans: dict[str, frozenset[Vlan]] = field(default_factory=dict)
    namespaces: dict[str, Namespace] = field(default_factory=dict)
    dhcp: frozenset[str] = frozenset()


def run(argv: Sequence[str], stdin: str | None = None) -> str:
    """Run a tool; RuntimeError with what it said when it fails."""
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv[:5])}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def decode_links(entries: list[dict[str, Any]]) -> dict[str, Link]:
    """From ``ip -d -j link``."""
    found = {}
    for entry in entries:
        info = entry.get("linkinfo") or {}
        found[entry["ifname"]] = Link(
            name=entry["ifname"],
            kind=info.get("info_kind") or "",
            master=entry.get("master") or "",
            mtu=int(entry["mtu"]),
            up="UP" in entry["flags"],
            oper=entry.get("operstate") == "UP",
            mac=entry.get("address") or "",
            bond_mode=(info.get("info_data") or {}).get("mode") or "" if info.get("info_kind") == "bond" else "",
            alias=entry.get("ifalias") or "",
        )
    return found


def decode_vlans(entries: list[dict[str, Any]]) -> dict[str, frozenset[Vlan]]:
    """From ``bridge -j vlan show``."""
    found = {}
    for entry in entries:
        vlans = set()
        for vlan in entry.get("vlans") or ():
            untagged = "PVID" in (vlan.get("flags") or ())
            vlans |= {Vlan(vid, untagged) for vid in range(vlan["vlan"], vlan.get("vlanEnd", vlan["vlan"]) + 1)}
        found[entry["ifname"]] = frozenset(vlans)
    return found


def decode_addresses(entries: list[dict[str, Any]], forwarding: bool) -> Namespace:
    """From ``ip -n NAMESPACE -j addr``."""
    links = [entry for entry in entries if entry["ifname"] != "lo"]
    addresses = {
        entry["ifname"]: frozenset(
            f"{address['local']}/{address['prefixlen']}"
            for address in entry["addr_info"]
            if address.get("scope") != "link"
        )
        for entry in links
    }
    return Namespace(addresses, forwarding, frozenset(entry["ifname"] for entry in links if "UP" not in entry["flags"]))


def decode_routes(entries: list[dict[str, Any]]) -> frozenset[str]:
    """From ``ip -n NAMESPACE -j -4 route show proto static``."""
    return frozenset(route_line(entry["dst"], entry["gateway"], entry["dev"]) for entry in entries)


def route_line(network: str, gateway: str, device: str) -> str:
    """A route as ``ip route`` takes it. Single addresses are shown without their length."""
    return f"{network.removesuffix('/32')} via {gateway} dev {device}"


def decode_rules(text: str) -> tuple[str, ...]:
    """From ``iptables-save``: rules and closed chains, each with its table; open and empty ones say nothing."""
    found, table = [], ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith("-A "):
            found.append(f"{table} {line}")
        elif line.startswith(":") and line.split()[1] == "DROP":
            found.append(f"{table} {' '.join(line.split()[:2])}")
    return tuple(sorted(found, key=lambda line: line.split(" ", 1)[0]))


def dhcp_servers(proc: Path = Path("/proc")) -> dict[str, int]:
    """The DHCP servers that run here, by the name of their configuration file."""
    prefix = f"--conf-file={CONFIG_DIRECTORY}/"
    found = {}
    for entry in proc.iterdir():
        if entry.name.isdigit():
            try:
                arguments = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            for argument in arguments:
                if argument.startswith(prefix):
                    found[argument.removeprefix(prefix)] = int(entry.name)
    return found


def observe() -> Observed:
    """Ask the kernel."""
    namespaces = {}
    for name in sorted(path.name for path in Path("/run/netns").glob(f"{VPC_PREFIX}*")):
        forwarding, _, rules = run(["ip", "netns", "exec", name, "sh", "-c", _LOOK]).partition("\n")
        space = decode_addresses(json.loads(run(["ip", "-n", name, "-j", "addr"]) or "[]"), forwarding == "1")
        routes = json.loads(run(["ip", "-n", name, "-j", "-4", "route", "show", "proto", "static"]) or "[]")
        namespaces[name] = replace(space, routes=decode_routes(routes), rules=decode_rules(rules))
    return Observed(
        links=decode_links(json.loads(run(["ip", "-d", "-j", "link"]))),
        vlans=decode_vlans(json.loads(run(["bridge", "-j", "vlan", "show"]) or "[]")),
        namespaces=namespaces,
        dhcp=frozenset(dhcp_servers()),
    )

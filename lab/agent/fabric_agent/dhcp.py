"""DHCP of a V-Net: one dnsmasq in the VPC's namespace."""

from __future__ import annotations

import hashlib
import ipaddress
from pathlib import Path

from fabric_agent.desired import VNet

LEASE_DIRECTORY = Path("/var/lib/fabric-agent/leases")


def lease_file(vnet_id: int) -> Path:
    return LEASE_DIRECTORY / str(vnet_id)


def configuration(vnet: VNet) -> str:
    """The configuration of a V-Net's DHCP server; empty when it has none."""
    lines = []
    for number, gateway in enumerate(gateway for gateway in vnet.gateways if gateway.dhcp):
        dhcp, interface = gateway.dhcp, ipaddress.ip_interface(gateway.address)
        if dhcp is None or interface.version != 4:
            continue
        tag = f"g{number}"
        lines += [
            f"dhcp-range=set:{tag},{dhcp.start},{dhcp.end},{interface.netmask},{dhcp.lease_time}",
            f"dhcp-option=tag:{tag},option:router,{interface.ip}",
            # without an own value dnsmasq would name itself, and it answers no questions here
            ",".join([f"dhcp-option=tag:{tag},option:dns-server", *dhcp.dns]),
        ]
        if dhcp.domain_search:
            lines.append(f"dhcp-option=tag:{tag},option:domain-search,{dhcp.domain_search}")
        lines += [f"dhcp-option=tag:{tag},{code},{value}" for code, value in dhcp.options]
    if not lines:
        return ""
    fixed = [
        "port=0",
        "no-resolv",
        "no-hosts",
        "no-ping",
        "dhcp-authoritative",
        "bind-interfaces",
        f"interface={vnet.leg}",
        "except-interface=lo",
        "dhcp-lease-max=4096",
        f"dhcp-leasefile={lease_file(vnet.id)}",
    ]
    return "\n".join(fixed + lines) + "\n"


def configuration_name(vnet: VNet) -> str:
    """The name of the configuration's file. It tells the contents: a server with another file is out of date."""
    return f"{vnet.namespace}.{vnet.id}.{hashlib.sha256(configuration(vnet).encode()).hexdigest()[:12]}"


def leases(text: str) -> list[dict[str, str]]:
    """The leases in a lease file: expiry, MAC, address, name, client id."""
    found = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) >= 4 and fields[0] != "duid":
            found.append({"ip": fields[2], "mac": fields[1], "hostname": "" if fields[3] == "*" else fields[3]})
    return found

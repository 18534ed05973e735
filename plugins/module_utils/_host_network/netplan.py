# SPDX-License-Identifier: Apache-2.0
"""netplan texts, and what can be read back from them. Pure.

A tenant's file names its devices in a comment, so that whoever removes the file needs no VLAN id and no YAML parser.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Sequence

from .model import HOST, Bond, Tenant

DIRECTORY = "/etc/netplan"
BOND_FILE = DIRECTORY + "/80-fabric-bond.yaml"
TENANT_PREFIX = "90-fabric-tenant-"
_MANAGED = "# Managed by Ansible (collection baremetal.fabric): local changes are overwritten."
_DEVICES = re.compile(
    r"^# fabric-tenant: name=(?P<name>\S+) link=(?P<link>\S+) vlan_id=(?P<vlan_id>\d+)"
    r" vlan=(?P<vlan>\S+) bridge=(?P<bridge>\S+)(?: made_by=(?P<made_by>\S+))?$",
    re.MULTILINE,
)
_YAML_WORDS = ("true", "false", "yes", "no", "on", "off", "y", "n", "null")
_TENANT_FILE = re.compile(re.escape(TENANT_PREFIX) + r"(?P<name>.+)\.yaml")


@dataclass(frozen=True)
class TenantDevices:
    """What a tenant's file says about itself."""

    name: str
    link: str
    vlan_id: int
    vlan: str
    bridge: str
    made_by: str = HOST

    def same_as(self, other: TenantDevices) -> bool:
        """Whoever makes them."""
        return replace(self, made_by=HOST) == replace(other, made_by=HOST)

    @property
    def mark(self) -> str:
        made_by = "" if self.made_by == HOST else f" made_by={self.made_by}"
        return (
            f"# fabric-tenant: name={self.name} link={self.link} vlan_id={self.vlan_id}"
            f" vlan={self.vlan} bridge={self.bridge}{made_by}"
        )


def tenant_file(name: str) -> str:
    return f"{DIRECTORY}/{TENANT_PREFIX}{name}.yaml"


def tenant_of_file(file_name: str) -> str | None:
    found = _TENANT_FILE.fullmatch(file_name)
    return found.group("name") if found else None


def tenant_devices(text: str) -> TenantDevices | None:
    """The devices that a tenant's file declares; None when the file is not ours."""
    found = _DEVICES.search(text)
    if not found:
        return None
    return TenantDevices(
        found.group("name"),
        found.group("link"),
        int(found.group("vlan_id")),
        found.group("vlan"),
        found.group("bridge"),
        found.group("made_by") or HOST,
    )


def render_bond(bond: Bond, devices: Sequence[str], mac: str | None) -> str:
    """The bond's file. `devices` are the names that the kernel gives to the bond's NICs, `mac` the bond's address.

    The address is set because a bond otherwise gets one that is computed from the machine id, which servers installed
    from one image may share. For the same reason the DHCP client identifies itself by MAC.
    """
    mtu = [f"mtu: {bond.mtu}"] if bond.mtu else []
    lines = [_MANAGED, "network:", "  version: 2", "  ethernets:"]
    for device in devices:
        lines += [f"    {yaml_key(device)}:", *_indent(6, ["dhcp4: false", "dhcp6: false", "optional: true", *mtu])]
    lines += [
        "  bonds:",
        f"    {yaml_key(bond.name)}:",
        f"      interfaces: [{', '.join(yaml_key(each) for each in devices)}]",
    ]
    if mac:
        lines.append(f'      macaddress: "{mac}"')
    lines += _indent(6, mtu)
    lines += ["      parameters:", f"        mode: {bond.mode}"]
    if bond.lacp:
        lines.append(f"        lacp-rate: {bond.lacp_rate}")
    if bond.mode in ("802.3ad", "balance-xor", "balance-tlb"):
        lines.append(f"        transmit-hash-policy: {bond.transmit_hash_policy}")
    lines += [
        f"        mii-monitor-interval: {bond.mii_monitor_interval}",
        f"      dhcp4: {_bool(bond.dhcp4)}",
        "      dhcp6: false",
        f"      optional: {_bool(bond.optional)}",
    ]
    if bond.dhcp4:
        lines += [
            "      dhcp-identifier: mac",
            "      dhcp4-overrides:",
            f"        route-metric: {bond.route_metric}",
            f"        use-routes: {_bool(bond.use_routes)}",
            f"        use-dns: {_bool(bond.use_dns)}",
        ]
        if bond.mtu:
            lines.append("        use-mtu: false")
    return "\n".join(lines) + "\n"


def render_tenant(tenant: Tenant) -> str:
    """A tenant's file: the VLAN device and the bridge over it, both without any address of the server's own."""
    silent = ["link-local: []", "dhcp4: false", "dhcp6: false", "accept-ra: false", "optional: true"]
    if tenant.mtu:
        silent.append(f"mtu: {tenant.mtu}")
    vlan, bridge = str(tenant.vlan_device), str(tenant.bridge)
    lines = [
        _MANAGED,
        TenantDevices(tenant.name, tenant.link, int(tenant.vlan_id or 0), vlan, bridge).mark,
        "network:",
        "  version: 2",
        "  vlans:",
        f"    {yaml_key(vlan)}:",
        f"      id: {tenant.vlan_id}",
        f"      link: {yaml_key(tenant.link)}",
        *_indent(6, silent),
        "  bridges:",
        f"    {yaml_key(bridge)}:",
        f"      interfaces: [{yaml_key(vlan)}]",
        *_indent(6, silent),
        # netplan turns STP on as soon as a bridge has any parameter, so it is said here
        "      parameters:",
        "        stp: false",
        "        forward-delay: 0",
    ]
    return "\n".join(lines) + "\n"


def _indent(width: int, lines: Sequence[str]) -> list[str]:
    return [" " * width + line for line in lines]


def _bool(value: bool) -> str:
    return "true" if value else "false"


def yaml_key(name: str) -> str:
    """An interface's name as YAML: plain where nothing can be misread, else quoted."""
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", name) and name.lower() not in _YAML_WORDS:
        return name
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'

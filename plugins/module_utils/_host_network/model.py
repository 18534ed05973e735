# SPDX-License-Identifier: Apache-2.0
"""What a server's network should be. Pure: options in, checked values out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Iterable, Mapping

from .errors import HostNetworkError

# IFNAMSIZ without its closing zero byte.
INTERFACE_LENGTH = 15
_INTERFACE = re.compile(r"[^\s/:%]+")
_TENANT = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_LACP = "802.3ad"
# Who makes a tenant's devices: this server itself, or an operator of the host cluster.
HOST, NMSTATE, BRIDGE_OPERATOR = "host", "nmstate", "bridge_operator"
_OPTIONAL = (
    "mode",
    "lacp_rate",
    "transmit_hash_policy",
    "mii_monitor_interval",
    "dhcp4",
    "route_metric",
    "use_routes",
    "use_dns",
    "optional",
)


@dataclass(frozen=True)
class Nic:
    """A member of the bond: known by its MAC where one is given, else by its name."""

    name: str
    mac: str | None = None


@dataclass(frozen=True)
class Bond:
    name: str
    nics: tuple[Nic, ...]
    mode: str = _LACP
    lacp_rate: str = "fast"
    transmit_hash_policy: str = "layer3+4"
    mii_monitor_interval: int = 100
    mtu: int | None = None
    dhcp4: bool = True
    route_metric: int = 200
    use_routes: bool = True
    use_dns: bool = True
    # whether booting may go on without an address on the bond
    optional: bool = False

    @property
    def lacp(self) -> bool:
        return self.mode == _LACP


@dataclass(frozen=True)
class Tenant:
    """A tenant cluster's VLAN on this server. Without a VLAN id it is not known yet (only in a plan)."""

    name: str
    vlan_id: int | None
    link: str
    bridge: str | None
    mtu: int | None = None
    made_by: str = HOST

    @property
    def vlan_device(self) -> str | None:
        return None if self.vlan_id is None else f"{self.link}.{self.vlan_id}"


@dataclass(frozen=True)
class Desired:
    bond: Bond | None
    link: str
    present: tuple[Tenant, ...] = ()
    absent: tuple[str, ...] = ()
    # See and keep what another maker has made, and release the former one.
    settle: bool = False
    allow_cut: bool = False
    require_network_manager: bool = True


def interface_mistake(name: str) -> str | None:
    """Why `name` cannot be an interface's name, or None when it can."""
    if not _INTERFACE.fullmatch(name) or name in (".", ".."):
        return f"'{name}' cannot be the name of a network interface"
    if len(name) > INTERFACE_LENGTH:
        return f"interface name '{name}' has {len(name)} characters, Linux allows {INTERFACE_LENGTH}"
    return None


def desired_from_options(options: Mapping[str, Any], check_mode: bool) -> Desired:
    """Check the options as a whole and name every mistake in one message."""
    mistakes: list[str] = []
    bond = _bond(options["bond"], mistakes) if options.get("bond") else None
    link = bond.name if bond else str(options.get("link") or "bond0")
    if bond is None:
        _check_interface("link", link, mistakes)
    present: list[Tenant] = []
    absent: list[str] = []
    for index, entry in enumerate(options.get("tenants") or []):
        where = f"tenants[{index}]"
        name = str(entry["name"])
        if not _TENANT.fullmatch(name) or len(name) > 63:
            mistakes.append(f"{where}.name: '{name}' is not a DNS-1123 label")
        if entry.get("state", "present") == "absent":
            absent.append(name)
        else:
            present.append(_tenant(where, entry, link, bond, check_mode, mistakes))
    mistakes += _repeated("tenants", "tenant", [tenant.name for tenant in present] + absent)
    mistakes += _repeated("tenants", "VLAN id", [tenant.vlan_id for tenant in present if tenant.vlan_id is not None])
    mistakes += _repeated("tenants", "bridge", [tenant.bridge for tenant in present if tenant.bridge is not None])
    if mistakes:
        raise HostNetworkError("; ".join(mistakes), mistakes=mistakes)
    return Desired(
        bond,
        link,
        tuple(present),
        tuple(absent),
        settle=bool(options.get("settle")),
        allow_cut=bool(options.get("allow_cut")),
        require_network_manager=bool(options.get("require_network_manager", True)),
    )


def _bond(entry: Mapping[str, Any], mistakes: list[str]) -> Bond:
    nics: list[Nic] = []
    for index, nic in enumerate(entry["nics"]):
        _check_interface(f"bond.nics[{index}].name", nic["name"], mistakes)
        mac = str(nic["mac"]).lower() if nic.get("mac") else None
        if mac and not _MAC.fullmatch(mac):
            mistakes.append(f"bond.nics[{index}].mac: '{mac}' is not a MAC address")
        nics.append(Nic(nic["name"], mac))
    if not nics:
        mistakes.append("bond.nics: a bond needs at least one NIC")
    _check_interface("bond.name", entry["name"], mistakes)
    mistakes += _repeated("bond.nics", "NIC", [nic.name for nic in nics])
    mistakes += _repeated("bond.nics", "MAC address", [nic.mac for nic in nics if nic.mac])
    _check_mtu("bond.mtu", entry.get("mtu"), mistakes)
    optional = {key: entry[key] for key in _OPTIONAL if entry.get(key) is not None}
    return Bond(name=entry["name"], nics=tuple(nics), mtu=entry.get("mtu"), **optional)


def _tenant(
    where: str, entry: Mapping[str, Any], link: str, bond: Bond | None, check_mode: bool, mistakes: list[str]
) -> Tenant:
    vlan_id = entry.get("vlan_id")
    bridge = entry.get("bridge")
    if vlan_id is None:
        if not check_mode:
            mistakes.append(f"{where}.vlan_id: the VLAN id of tenant cluster '{entry['name']}' is not known")
    elif not 1 <= vlan_id <= 4094:
        mistakes.append(f"{where}.vlan_id: {vlan_id} is not a VLAN id (1 to 4094)")
    else:
        bridge = bridge or f"br-vlan-{vlan_id}"
        _check_interface(f"{where}: VLAN device", f"{link}.{vlan_id}", mistakes)
    if bridge:
        _check_interface(f"{where}.bridge", bridge, mistakes)
    mtu = entry.get("mtu") or (bond.mtu if bond else None)
    _check_mtu(f"{where}.mtu", mtu, mistakes)
    if bond and bond.mtu and mtu and mtu > bond.mtu:
        mistakes.append(f"{where}.mtu: {mtu} is more than the bond's MTU {bond.mtu}")
    return Tenant(str(entry["name"]), vlan_id, link, bridge, mtu, entry.get("made_by") or HOST)


def _check_interface(where: str, name: str, mistakes: list[str]) -> None:
    mistake = interface_mistake(name)
    if mistake:
        mistakes.append(f"{where}: {mistake}")


def _check_mtu(where: str, mtu: int | None, mistakes: list[str]) -> None:
    if mtu is not None and not 1280 <= mtu <= 65535:
        mistakes.append(f"{where}: {mtu} is not a usable MTU (1280 to 65535)")


def _repeated(where: str, what: str, values: Iterable[object]) -> list[str]:
    seen: set[object] = set()
    repeated: list[object] = []
    for value in values:
        if value in seen and value not in repeated:
            repeated.append(value)
        seen.add(value)
    return [f"{where}: {what} {value} is given more than once" for value in repeated]

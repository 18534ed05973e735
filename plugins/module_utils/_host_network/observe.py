# SPDX-License-Identifier: Apache-2.0
"""One read-only look at the server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping

from . import netplan
from .errors import HostNetworkError
from .guard import RULES_DIRECTORY, UNIT_FILE, GuardStatus, parse_status, rules_file, tenant_of_rules
from .guard_script import SCRIPT, SCRIPT_FILE
from .links import Link, Links, parse_links
from .management import ManagementPath, management_path
from .model import HOST, NMSTATE, Desired
from .netplan import TenantDevices
from .rollback import Pending, pending
from .system import System

#: Where NetworkManager keeps what nmstate has it do; a file is named after the device.
PROFILES = "/etc/NetworkManager/system-connections"


@dataclass(frozen=True)
class TenantFile:
    text: str
    devices: TenantDevices | None


@dataclass(frozen=True)
class Observed:
    links: Links
    bond_text: str | None = None
    tenant_files: Mapping[str, TenantFile] = field(default_factory=dict)
    rules: Mapping[str, str] = field(default_factory=dict)
    guard_script: str | None = None
    guard_unit: str | None = None
    guards: Mapping[str, GuardStatus] = field(default_factory=dict)
    management: ManagementPath = field(default_factory=ManagementPath)
    pending: Pending | None = None
    # by path, those of devices that nmstate made for a tenant
    profiles: Mapping[str, str] = field(default_factory=dict)
    has_netplan: bool = True
    network_manager: bool = True

    @property
    def records(self) -> dict[str, TenantDevices]:
        """Devices of tenants that an operator of the host cluster makes, or made and has not been released from."""
        found = {name: netplan.tenant_devices(text) for name, text in self.rules.items()}
        return {name: devices for name, devices in found.items() if devices and devices.made_by != HOST}


def observe(system: System, desired: Desired, management_peer: str | None) -> Observed:
    has_netplan = any(system.exists(f"{directory}/netplan") for directory in ("/usr/sbin", "/usr/bin", "/sbin"))
    if not has_netplan and (desired.bond or any(tenant.made_by == HOST for tenant in desired.present)):
        raise HostNetworkError(
            "this server has no netplan, which is what this server's own bond and bridges are made with; with"
            " host_network_backend: nmstate and host_network_manage_bond: false it is not needed"
        )
    links = read_links(system)
    files = _tenant_files(system)
    script = system.read(SCRIPT_FILE)
    rules = _rules(system)
    return Observed(
        links=links,
        bond_text=system.read(netplan.BOND_FILE),
        tenant_files=files,
        rules=rules,
        guard_script=script,
        guard_unit=system.read(UNIT_FILE),
        guards=_guards(system, desired, links) if script == SCRIPT else {},
        management=management_path(system, links, management_peer) if desired.bond else ManagementPath(),
        pending=pending(system),
        profiles=_profiles(system, rules),
        has_netplan=has_netplan,
        network_manager=_network_manager(system, desired),
    )


def read_links(system: System) -> dict[str, Link]:
    return parse_links(system.run("ip", "-d", "-j", "address", "show"))


def _tenant_files(system: System) -> dict[str, TenantFile]:
    files: dict[str, TenantFile] = {}
    for file_name in system.list(netplan.DIRECTORY):
        tenant = netplan.tenant_of_file(file_name)
        text = system.read(f"{netplan.DIRECTORY}/{file_name}") if tenant else None
        if tenant and text is not None:
            files[tenant] = TenantFile(text, netplan.tenant_devices(text))
    return files


def _rules(system: System) -> dict[str, str]:
    rules: dict[str, str] = {}
    for file_name in system.list(RULES_DIRECTORY):
        tenant = tenant_of_rules(file_name)
        text = system.read(rules_file(tenant)) if tenant else None
        if tenant and text is not None:
            rules[tenant] = text
    return rules


def _guards(system: System, desired: Desired, links: Links) -> dict[str, GuardStatus]:
    return {
        tenant.bridge: parse_status(system.run(SCRIPT_FILE, "status", tenant.bridge, tenant.vlan_device))
        for tenant in desired.present
        if tenant.bridge in links and tenant.vlan_device in links and tenant.bridge and tenant.vlan_device
    }


def _network_manager(system: System, desired: Desired) -> bool:
    """Whether it runs; asked only where nmstate needs it."""
    if not any(tenant.made_by == NMSTATE for tenant in desired.present):
        return True
    code, _output, _errors = system.attempt("systemctl", "is-active", "--quiet", "NetworkManager.service")
    return code == 0


def _profiles(system: System, rules: Mapping[str, str]) -> dict[str, str]:
    """Only what names the very device: a file of that name may be somebody's own."""
    profiles: dict[str, str] = {}
    for devices in filter(None, map(netplan.tenant_devices, rules.values())):
        for device in (devices.bridge, devices.vlan) if devices.made_by == NMSTATE else ():
            path = f"{PROFILES}/{device}.nmconnection"
            text = system.read(path)
            if text is not None and f"interface-name={device}" in text.split():
                profiles[path] = text
    return profiles

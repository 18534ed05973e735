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
from .model import Desired
from .netplan import TenantDevices
from .rollback import Pending, pending
from .system import System


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


def observe(system: System, desired: Desired, management_peer: str | None) -> Observed:
    if not any(system.exists(f"{directory}/netplan") for directory in ("/usr/sbin", "/usr/bin", "/sbin")):
        raise HostNetworkError("this server has no netplan, which is the only network backend of this version")
    links = read_links(system)
    files = _tenant_files(system)
    script = system.read(SCRIPT_FILE)
    return Observed(
        links=links,
        bond_text=system.read(netplan.BOND_FILE),
        tenant_files=files,
        rules=_rules(system),
        guard_script=script,
        guard_unit=system.read(UNIT_FILE),
        guards=_guards(system, desired, links) if script == SCRIPT else {},
        management=management_path(system, links, management_peer) if desired.bond else ManagementPath(),
        pending=pending(system),
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

# SPDX-License-Identifier: Apache-2.0
"""What must hold for a server before its BMC may install it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Interface, ip_address
from typing import Any

from .problems import Problems

REDFISH = "redfish"
_VIRTUAL_MEDIA = "virtual_media"
# Mixed up, the wrong server would be installed: what must not be shared, and what it is to a reader.
_OWN = (
    ("os_provision_management.mac", "MAC address"),
    ("os_provision_management.address", "address"),
    ("os_provision_bmc", "BMC and system"),
)


def check_all(servers: Mapping[str, Mapping[str, Any]], nics: Sequence[str], problems: Problems) -> None:
    """Every mistake in what the servers' variables, completed by the schema, say of their installation."""
    asked = {name: values for name, values in servers.items() if values["os_provision_provider"] == REDFISH}
    for name, values in asked.items():
        _check_bmc(name, values, problems)
        _check_disk(name, values, problems)
        _check_management(name, values, problems)
        _check_nics(name, values, nics, problems)
        _check_system(name, values, problems)
    _check_distinct(asked, problems)


def _check_bmc(host: str, values: Mapping[str, Any], problems: Problems) -> None:
    bmc = values["os_provision_bmc"]
    for key in ("url", "username", "password"):
        path = f"{host}.os_provision_bmc.{key}"
        if not bmc.get(key) and not problems.has(path) and not _refused(problems, f"{host}.os_provision_bmc"):
            problems.add(path, "is required with os_provision_provider: redfish")
    path = f"{host}.os_provision_installer"
    if (
        values["os_provision_boot"] == _VIRTUAL_MEDIA
        and not values["os_provision_installer"]
        and not problems.has(path)
    ):
        problems.add(path, "is required with os_provision_boot: virtual_media")


def _check_disk(host: str, values: Mapping[str, Any], problems: Problems) -> None:
    path = f"{host}.os_provision_disk"
    disk = values["os_provision_disk"]
    if not problems.has(path) and bool(disk.get("path")) == bool(disk.get("serial")):
        problems.add(
            path, "must say by path or by serial, and not by both, which disk is written; none is ever guessed"
        )


def _check_management(host: str, values: Mapping[str, Any], problems: Problems) -> None:
    path, management = f"{host}.os_provision_management", values["os_provision_management"]
    if _refused(problems, path):
        return
    if not management.get("mac") and not problems.has(f"{path}.mac"):
        problems.add(f"{path}.mac", "is required: by it the installer and the new system find the NIC")
    elif management.get("mac", "").lower() in (mac.lower() for mac in values["fabric_nic_macs"].values()):
        problems.add(f"{path}.mac", "is also a NIC of the bond; Ansible would be cut off whenever the bond changes")
    address, gateway = management.get("address"), management.get("gateway")
    interface = None
    if address:
        try:
            interface = IPv4Interface(address) if "/" in address else None
        except ValueError:
            interface = None
        if interface is None:
            problems.add(f"{path}.address", f"'{address}' is no address with a prefix length such as 10.0.0.21/24")
    if gateway and not address:
        problems.add(f"{path}.gateway", "is for a fixed address; with DHCP the server is told")
    elif gateway and interface is not None:
        try:
            inside = IPv4Address(gateway) in interface.network
        except ValueError:
            problems.add(f"{path}.gateway", f"'{gateway}' is no address")
        else:
            if not inside:
                problems.add(f"{path}.gateway", f"{gateway} lies outside {interface.network}")


def _check_nics(host: str, values: Mapping[str, Any], nics: Sequence[str], problems: Problems) -> None:
    missing = [nic for nic in nics if nic not in values["fabric_nic_macs"]]
    path = f"{host}.fabric_nic_macs"
    if missing and not problems.has(path):
        problems.add(
            path, f"needs {', '.join(missing)}: before there is a system, NICs have no names but MAC addresses"
        )


def _check_system(host: str, values: Mapping[str, Any], problems: Problems) -> None:
    path = f"{host}.os_provision_authorized_keys"
    if not values["os_provision_authorized_keys"] and not problems.has(path):
        problems.add(path, "must not be empty: nobody could log in to the new system")
    for index, address in enumerate(values["os_provision_dns"]):
        path = f"{host}.os_provision_dns[{index}]"
        try:
            ip_address(address)
        except ValueError:
            if not problems.has(path):
                problems.add(path, f"'{address}' is no address of a name server")


def _check_distinct(servers: Mapping[str, Mapping[str, Any]], problems: Problems) -> None:
    first: dict[tuple[str, str], str] = {}
    for host, values in servers.items():
        bmc, management = values["os_provision_bmc"], values["os_provision_management"]
        url = bmc.get("url", "").rstrip("/").lower()
        own = (
            management.get("mac", "").lower(),
            management.get("address", "").partition("/")[0],
            f"{url} {bmc.get('system', '')}" if url else "",
        )
        for (variable, what), value in zip(_OWN, own, strict=True):
            other = first.setdefault((variable, value), host) if value else host
            if other != host:
                problems.add(
                    f"{host}.{variable}", f"the same {what} as {other}: one of them would be taken for the other"
                )


def _refused(problems: Problems, path: str) -> bool:
    """Whether the variable as a whole is known to be wrong; one of its keys is no reason to be silent of others."""
    return any(problem.path == path for problem in problems.as_list())

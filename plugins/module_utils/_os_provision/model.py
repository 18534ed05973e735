# SPDX-License-Identifier: Apache-2.0
"""What a new system shall be. Pure: options in, checked values out."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._host_network.errors import HostNetworkError
from .._host_network.model import Bond, Desired, desired_from_options

ROOT = "root"


class ProvisionError(Exception):
    """What is asked for cannot be installed; the text says what to do."""


@dataclass(frozen=True)
class Disk:
    """The disk that is written: by path, or by serial number where paths may change places."""

    path: str = ""
    serial: str = ""

    def __str__(self) -> str:
        return self.path or f"the disk with the serial number {self.serial}"


@dataclass(frozen=True)
class Management:
    """The NIC by which Ansible reaches the server: its address with prefix length, or empty for DHCP."""

    mac: str
    address: str = ""
    gateway: str = ""


@dataclass(frozen=True)
class HostKey:
    """The ed25519 key that the new system shows; public is a line without a comment."""

    private: str
    public: str


@dataclass(frozen=True)
class Installation:
    """One new system."""

    # Says which installation a system came from; not a secret.
    identity: str
    hostname: str
    distribution: str
    disk: Disk
    management: Management
    bond: Bond
    user: str
    authorized_keys: tuple[str, ...]
    password_hash: str = ""
    host_key: HostKey | None = None
    dns: tuple[str, ...] = ()
    ntp: tuple[str, ...] = ()
    proxy: str = ""
    timezone: str = "Etc/UTC"
    packages: tuple[str, ...] = ()


def installation(options: Mapping[str, Any]) -> Installation:
    """The installation that a module's options ask for; ProvisionError names every mistake."""
    mistakes: list[str] = []
    bond = _bond(options["bond"], mistakes)
    disk = Disk(**{key: value for key, value in options["disk"].items() if value})
    if bool(disk.path) == bool(disk.serial):
        mistakes.append("disk: exactly one of path and serial says which disk is written")
    management = Management(**{key: value for key, value in options["management"].items() if value})
    if management.gateway and not management.address:
        mistakes.append("management.gateway: belongs to a fixed address; with DHCP the server is told")
    if management.address:
        try:
            ipaddress.ip_interface(management.address)
        except ValueError:
            mistakes.append(f"management.address: '{management.address}' is no address with a prefix length")
    if not options["authorized_keys"]:
        mistakes.append("authorized_keys: without a key nobody could log in to the new system")
    if mistakes or bond is None:
        raise ProvisionError("; ".join(mistakes))
    key = options.get("host_key") or {}
    return Installation(
        identity=options["identity"],
        hostname=options["hostname"],
        distribution=options["distribution"],
        disk=disk,
        management=Management(management.mac.lower(), management.address, management.gateway),
        bond=bond,
        user=options["user"],
        authorized_keys=tuple(each.strip() for each in options["authorized_keys"]),
        password_hash=options.get("password_hash") or "",
        host_key=HostKey(key["private"], " ".join(key["public"].split()[:2])) if key else None,
        dns=tuple(options.get("dns") or ()),
        ntp=tuple(options.get("ntp") or ()),
        proxy=options.get("proxy") or "",
        timezone=options.get("timezone") or "Etc/UTC",
        packages=tuple(options.get("packages") or ()),
    )


def _bond(options: Mapping[str, Any], mistakes: list[str]) -> Bond | None:
    """The bond as host_network reads it, each NIC with its MAC address: no kernel has named any yet."""
    try:
        desired: Desired = desired_from_options({"bond": options}, check_mode=False)
    except HostNetworkError as error:
        mistakes.append(str(error))
        return None
    bond = desired.bond
    for nic in bond.nics if bond else ():
        if nic.mac is None:
            mistakes.append(f"bond.nics: {nic.name} needs its MAC address, by which the new system finds it")
    return bond

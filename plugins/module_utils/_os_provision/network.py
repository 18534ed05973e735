# SPDX-License-Identifier: Apache-2.0
"""The new system's network as netplan documents. Pure.

The bond's file is host_network's own, word for word, so that its first run on the new system finds nothing to do. It
names NICs as the kernel does; that they are named so is what the file beside it sees to, by MAC address.
"""

from __future__ import annotations

from typing import Any

from .._host_network import netplan
from .model import Installation

MANAGEMENT_FILE = netplan.DIRECTORY + "/60-fabric-management.yaml"
NICS_FILE = netplan.DIRECTORY + "/70-fabric-nics.yaml"
_MANAGEMENT = "management"


def management(wanted: Installation) -> dict[str, Any]:
    """The way in, as netplan's `network`: by MAC address, whatever the kernel calls it."""
    nic: dict[str, Any] = {"match": {"macaddress": wanted.management.mac}}
    if wanted.management.address:
        nic.update(dhcp4=False, addresses=[wanted.management.address])
        if wanted.management.gateway:
            nic["routes"] = [{"to": "default", "via": wanted.management.gateway}]
    else:
        # what DHCP servers know of the server is its address, not a number that was made from the machine id
        nic.update({"dhcp4": True, "dhcp-identifier": "mac"})
    if wanted.dns:
        nic["nameservers"] = {"addresses": list(wanted.dns)}
    return {"version": 2, "ethernets": {_MANAGEMENT: nic}}


def nics(wanted: Installation) -> dict[str, Any]:
    """Names for the bond's NICs, as netplan's `network`."""
    return {
        "version": 2,
        "ethernets": {nic.name: {"match": {"macaddress": nic.mac}, "set-name": nic.name} for nic in wanted.bond.nics},
    }


def bond(wanted: Installation) -> str:
    """The text of host_network's file."""
    names = [nic.name for nic in wanted.bond.nics]
    return netplan.render_bond(wanted.bond, names, wanted.bond.nics[0].mac)

"""Waits until the server has its address in the tenant cluster's subnet, which the fabric's DHCP gives it."""

from __future__ import annotations

import ipaddress
import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from .system import System

#: Between two reminders of the DHCP client, which may be in a long pause since the port was somewhere else before.
_REMIND_SECONDS = 15.0


class Link(NamedTuple):
    """A network interface as `ip` tells of it."""

    state: str
    addresses: list[str]


class NoAddress(Exception):
    """No address of the subnet within the time."""


def look(system: System, interface: str) -> Link:
    answer = system.run("ip", "-json", "-4", "address", "show", "dev", interface)
    if answer.code != 0:
        return Link("missing", [])
    found: list[dict[str, Any]] = [entry for entry in json.loads(answer.output or "[]") if entry]
    if not found:
        # With -4, an interface without addresses is left out altogether.
        plain = json.loads(system.run("ip", "-json", "link", "show", "dev", interface).output or "[]")
        return Link(plain[0]["operstate"] if plain else "missing", [])
    # An address whose preferred time is over serves what is left of connections, not a new node.
    valid = [a for a in found[0].get("addr_info", []) if a.get("scope") == "global" and not a.get("deprecated")]
    return Link(found[0]["operstate"], [a["local"] for a in valid])


def inside(link: Link, subnet: str) -> str | None:
    network = ipaddress.ip_network(subnet)
    for address in link.addresses:
        if ipaddress.ip_address(address) in network:
            return address
    return None


def elsewhere(link: Link, subnet: str) -> bool:
    """Whether the interface still has what it was given in another VLAN."""
    return bool(link.addresses) and inside(link, subnet) is None


def remind(system: System, interface: str, let_go: bool) -> None:
    """Asks whichever DHCP client manages the interface to try again now; none of them minds.

    A client whose lease is of another VLAN has to let go of it: it would go on asking the server that gave it.
    """
    if system.run("systemctl", "is-active", "--quiet", "systemd-networkd").code == 0:
        system.run("networkctl", "reconfigure" if let_go else "renew", interface)
    elif system.run("systemctl", "is-active", "--quiet", "NetworkManager").code == 0:
        system.run("nmcli", "device", "connect" if let_go else "reapply", interface)


def await_address(
    system: System,
    interface: str,
    subnet: str,
    timeout: float,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> str:
    deadline = clock() + timeout
    link = look(system, interface)
    next_reminder = clock() + (0 if elsewhere(link, subnet) else _REMIND_SECONDS)
    while True:
        address = inside(link, subnet) if link.state == "UP" else None
        if address:
            return address
        now = clock()
        if now >= deadline:
            seen = ", ".join(link.addresses) or "no address"
            raise NoAddress(f"{interface} is {link.state} with {seen} and got none of {subnet} within {timeout:.0f} s")
        if now >= next_reminder:
            remind(system, interface, let_go=elsewhere(link, subnet))
            next_reminder = now + _REMIND_SECONDS
        sleep(1.0)
        link = look(system, interface)

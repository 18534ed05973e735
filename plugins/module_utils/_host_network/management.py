# SPDX-License-Identifier: Apache-2.0
"""The way by which Ansible reaches this server: whose loss would lose the server."""

from __future__ import annotations

import json
from dataclasses import dataclass

from .links import Links, carriers
from .system import System


@dataclass(frozen=True)
class ManagementPath:
    """`peer` is the address that Ansible connects from; without one the connection is local and cannot be cut off."""

    peer: str | None = None
    device: str | None = None
    nics: tuple[str, ...] = ()


def management_path(system: System, links: Links, peer: str | None) -> ManagementPath:
    peer = peer or _ssh_peer(system)
    if not peer:
        return ManagementPath()
    device = route_device(system, peer)
    return ManagementPath(peer, device, carriers(links, device) if device else ())


def route_device(system: System, address: str) -> str | None:
    """The device by which packets to `address` leave; None without a route."""
    code, output, _errors = system.attempt("ip", "-j", "route", "get", address)
    if code != 0:
        return None
    try:
        routes = json.loads(output or "[]")
    except ValueError:
        return None
    device = routes[0].get("dev") if routes else None
    return str(device) if device else None


def _ssh_peer(system: System) -> str | None:
    """Privilege escalation drops SSH_CONNECTION from the environment, so the ancestors' are asked too."""
    own = system.environment().get("SSH_CONNECTION")
    if own:
        return own.split()[0]
    pid = system.parent_pid()
    while pid > 1:
        for entry in system.read_bytes(f"/proc/{pid}/environ").split(b"\0"):
            if entry.startswith(b"SSH_CONNECTION="):
                return entry.split(b"=", 1)[1].split()[0].decode("ascii", "replace")
        # "pid (name) state ppid ...": the name may hold spaces and brackets, so the last bracket counts
        fields = system.read_bytes(f"/proc/{pid}/stat").rpartition(b")")[2].split()
        pid = int(fields[1]) if len(fields) > 1 else 0
    return None

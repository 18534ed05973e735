# SPDX-License-Identifier: Apache-2.0
"""A CNI plugin that comes after `bridge` with DHCP and does what the plugins that are released with CNI leave undone.

Installed on nodes as `fabric-flat`: Python 3.8, standard library only, and nsenter and ip. In a configuration:

    {"type": "fabric-flat", "routes": ["224.0.0.0/4"], "release": true}

`routes` are added over the interface that was made before. They name no source: the kernel takes the interface's own
address.

`release` gives the lease back when the pod goes. Of version 1.9.1 `bridge` removes the interface before it has `dhcp`
do so, and what `dhcp` sends comes from 0.0.0.0 to the server's own address, which Linux takes for a forgery: the lease
would stay until it expires. Plugins are called in reverse for a deletion, so here the interface is still there. Who the
server is nobody has noted, so all are asked (DHCPINFORM); each is told, and the one whose lease it is acts.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import time
from typing import Any, Mapping

VERSIONS = ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]
# Error codes of the CNI specification, and one of our own as it asks for.
_UNKNOWN_COMMAND, _INVALID, _ROUTE = 4, 7, 100
_COOKIE = b"\x63\x82\x53\x63"
_MESSAGE_TYPE, _SERVER, _CLIENT, _END = 53, 54, 61, 255
_ACK, _RELEASE, _INFORM = 5, 7, 8
# Seconds that servers get to say that they are there: the pod waits for it.
_PATIENCE = 1.0


class PluginError(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def run(environment: Mapping[str, str], text: str) -> Any:
    """What one call answers; None when it answers nothing."""
    command = environment.get("CNI_COMMAND", "")
    if command == "VERSION":
        return {"cniVersion": VERSIONS[-1], "supportedVersions": VERSIONS}
    if command in ("GC", "STATUS"):
        return None
    if command not in ("ADD", "CHECK", "DEL"):
        raise PluginError(_UNKNOWN_COMMAND, f"CNI_COMMAND is '{command}'")
    configuration = json.loads(text)
    if command == "DEL":
        # the routes go with the interface
        _release(environment, configuration)
        return None
    before = configuration.get("prevResult")
    if not isinstance(before, dict):
        raise PluginError(_INVALID, "fabric-flat follows a plugin that makes an interface: there is no prevResult")
    for destination in configuration.get("routes") or []:
        _route(environment, str(destination), command)
    return before if command == "ADD" else None


def _release(environment: Mapping[str, str], configuration: Mapping[str, Any]) -> None:
    """A lease that is not given back expires: no reason to keep a pod from going."""
    lease = _lease(environment, configuration) if configuration.get("release") else None
    if lease is None:
        return
    done = subprocess.run(
        ["nsenter", f"--net={environment['CNI_NETNS']}", sys.executable, os.path.abspath(__file__), "--release"],
        input=json.dumps(lease),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        check=False,
    )
    sys.stderr.write(done.stderr if done.returncode == 0 else f"fabric-flat: the lease is kept: {done.stderr}")


def _lease(environment: Mapping[str, str], configuration: Mapping[str, Any]) -> dict[str, str] | None:
    """What the server knows the pod by; None when there is nothing to give back, or nobody to do so any more."""
    before, interface = configuration.get("prevResult") or {}, environment.get("CNI_IFNAME", "")
    address = next((each["address"] for each in before.get("ips") or () if "." in each["address"]), None)
    mac = next(
        (each["mac"] for each in before.get("interfaces") or () if each.get("sandbox") and each["name"] == interface),
        None,
    )
    if not (address and mac and environment.get("CNI_NETNS") and os.path.exists(environment["CNI_NETNS"])):
        return None
    return {
        "interface": interface,
        "address": address.split("/")[0],
        "mac": mac,
        # as the plugin dhcp makes it
        "client": f"{environment['CNI_CONTAINERID']}/{configuration['name']}/{interface}"[:254],
    }


def give_back(lease: Mapping[str, str]) -> None:
    """To be run in the pod's network namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, lease["interface"].encode() + b"\0")
        client.bind((lease["address"], 68))
        identifier = os.urandom(4)
        client.sendto(message(lease, _INFORM, identifier), ("255.255.255.255", 67))
        servers = _servers(client, identifier)
        for server in servers:
            client.sendto(message(lease, _RELEASE, os.urandom(4), server), (socket.inet_ntoa(server), 67))
    if not servers:
        sys.stderr.write(f"fabric-flat: no DHCP server answers, the lease of {lease['address']} is kept\n")


def _servers(client: socket.socket, identifier: bytes) -> list[bytes]:
    """Those that answer, by what they call themselves; none comes much later than the first."""
    found: list[bytes] = []
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        client.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            answer = client.recv(1500)
        except socket.timeout:
            break
        options = read_options(answer)
        server = options.get(_SERVER)
        if answer[4:8] == identifier and options.get(_MESSAGE_TYPE) == bytes([_ACK]) and server and server not in found:
            found.append(server)
            deadline = min(deadline, time.monotonic() + _PATIENCE / 5)
    return found


def message(lease: Mapping[str, str], kind: int, identifier: bytes, server: bytes | None = None) -> bytes:
    """RFC 2131: who has an address names it, and itself as it did when it got it."""
    options = [(_MESSAGE_TYPE, bytes([kind])), (_CLIENT, b"\0" + lease["client"].encode())]
    if server is not None:
        options.append((_SERVER, server))
    hardware = bytes(int(part, 16) for part in lease["mac"].split(":"))
    head = struct.pack(
        "!BBBB4sHH4s12x16s192x", 1, 1, 6, 0, identifier, 0, 0, socket.inet_aton(lease["address"]), hardware
    )
    return head + _COOKIE + b"".join(bytes([code, len(value)]) + value for code, value in options) + bytes([_END])


def read_options(packet: bytes) -> dict[int, bytes]:
    """The options of a DHCP message; none of what is no such message."""
    found: dict[int, bytes] = {}
    if packet[236:240] != _COOKIE:
        return found
    position = 240
    while position + 1 < len(packet) and packet[position] != _END:
        if packet[position] == 0:
            position += 1
            continue
        length = packet[position + 1]
        found[packet[position]] = packet[position + 2 : position + 2 + length]
        position += 2 + length
    return found


def _route(environment: Mapping[str, str], destination: str, command: str) -> None:
    family = "-6" if ":" in destination else "-4"
    # `show` takes a destination that must match, `replace` one to set
    words = ["replace", destination] if command == "ADD" else ["show", "exact", destination]
    done = subprocess.run(
        [
            *("nsenter", f"--net={environment['CNI_NETNS']}", "ip", family, "route"),
            *(*words, "dev", environment["CNI_IFNAME"]),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        check=False,
    )
    if done.returncode != 0 or (command == "CHECK" and not done.stdout.strip()):
        said = done.stderr.strip() or "it is missing"
        raise PluginError(_ROUTE, f"route to {destination} over {environment['CNI_IFNAME']}: {said}")


def main() -> int:
    text = sys.stdin.read()
    if sys.argv[1:] == ["--release"]:
        give_back(json.loads(text))
        return 0
    try:
        answer = run(os.environ, text)
    except (PluginError, KeyError, ValueError, OSError) as error:
        code = error.code if isinstance(error, PluginError) else _INVALID
        json.dump({"cniVersion": VERSIONS[-1], "code": code, "msg": f"fabric-flat: {error}"}, sys.stdout)
        return 1
    if answer is not None:
        json.dump(answer, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""Files that every new system gets, whichever installer writes it, and the commands that write them. Pure."""

from __future__ import annotations

import base64
import shlex
from dataclasses import dataclass
from pathlib import PurePosixPath

from .._host_network import netplan
from .._kube import yaml_text
from . import network
from .model import ROOT, Installation

#: Holds the installation's identity: by it the system that answers is known to be the new one.
MARK = "/etc/fabric-installation"


@dataclass(frozen=True)
class File:
    path: str
    text: str
    mode: int = 0o644


def of(wanted: Installation) -> list[File]:
    """The files, the mark last: whoever finds it finds all others."""
    files = [
        File(network.NICS_FILE, yaml_text.dump({"network": network.nics(wanted)}), 0o600),
        File(netplan.BOND_FILE, network.bond(wanted), 0o600),
    ]
    if wanted.ntp:
        servers = f"[Time]\nNTP={' '.join(wanted.ntp)}\n"
        files.append(File("/etc/systemd/timesyncd.conf.d/fabric.conf", servers))
    if wanted.user != ROOT:
        files.append(File(f"/etc/sudoers.d/90-{wanted.user}", f"{wanted.user} ALL=(ALL) NOPASSWD:ALL\n", 0o440))
    if wanted.host_key:
        key = "/etc/ssh/ssh_host_ed25519_key"
        private = wanted.host_key.private.rstrip("\n") + "\n"
        files.append(File(key, private, 0o600))
        files.append(File(f"{key}.pub", wanted.host_key.public + "\n"))
    files.append(File(MARK, wanted.identity + "\n"))
    return files


def command(file: File) -> str:
    """One line of shell that writes the file, private from its first byte on."""
    path = PurePosixPath(file.path)
    content = base64.b64encode(file.text.encode()).decode()
    return (
        f"umask 077; mkdir -p -m 755 {shlex.quote(str(path.parent))}"
        f" && echo {content} | base64 -d > {shlex.quote(str(path))} && chmod {file.mode:o} {shlex.quote(str(path))}"
    )

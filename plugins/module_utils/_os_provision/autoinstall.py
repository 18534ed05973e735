# SPDX-License-Identifier: Apache-2.0
"""Ubuntu: cloud-config with an autoinstall section, as subiquity reads it from a NoCloud data source. Pure."""

from __future__ import annotations

from typing import Any

from .._kube import yaml_text
from . import files, network
from .model import ROOT, Installation


def user_data(wanted: Installation) -> str:
    return "#cloud-config\n" + yaml_text.dump({"autoinstall": _autoinstall(wanted)})


def meta_data(wanted: Installation) -> str:
    return yaml_text.dump({"instance-id": wanted.identity, "local-hostname": wanted.hostname})


def _autoinstall(wanted: Installation) -> dict[str, Any]:
    document: dict[str, Any] = {
        "version": 1,
        # subiquity carries it over to the new system
        "network": network.management(wanted),
        # `direct`: one partition with the root file system. A disk that does not match ends the installation.
        "storage": {"layout": {"name": "direct", "match": _match(wanted)}},
        "ssh": {"install-server": True, "allow-pw": False},
        "timezone": wanted.timezone,
        # in place of `identity`, which insists on a password
        "user-data": _first_boot(wanted),
        "late-commands": [
            ["curtin", "in-target", "--target=/target", "--", "sh", "-c", files.command(file)]
            for file in files.of(wanted)
        ],
        # that it is off is how whoever waits knows that it is done; nothing boots before the media are taken out
        "shutdown": "poweroff",
    }
    if wanted.proxy:
        document["proxy"] = wanted.proxy
    if wanted.packages:
        document["packages"] = list(wanted.packages)
    return document


def _match(wanted: Installation) -> dict[str, str]:
    disk = wanted.disk
    return {"path": disk.path} if disk.path else {"serial": disk.serial}


def _first_boot(wanted: Installation) -> dict[str, Any]:
    user: dict[str, Any] = {"name": wanted.user, "ssh_authorized_keys": list(wanted.authorized_keys)}
    if wanted.user != ROOT:
        user["shell"] = "/bin/bash"
    if wanted.password_hash:
        user.update(hashed_passwd=wanted.password_hash, lock_passwd=False)
    else:
        user["lock_passwd"] = True
    document: dict[str, Any] = {"hostname": wanted.hostname, "users": [user]}
    if wanted.user == ROOT:
        document["disable_root"] = False
    if wanted.host_key:
        # or cloud-init would make keys anew at the first boot
        document["ssh_deletekeys"] = False
    return document

# SPDX-License-Identifier: Apache-2.0
"""The options of one installation, for tests to change."""

from __future__ import annotations

from typing import Any

import pytest


def options(**changes: Any) -> dict[str, Any]:
    return {
        "identity": "11111111-2222-3333-4444-555555555555",
        "hostname": "metal1",
        "distribution": "ubuntu",
        "disk": {"path": "", "serial": "S4EVNX0R123456"},
        "management": {"mac": "0C:42:A1:00:00:01", "address": "10.0.0.21/24", "gateway": "10.0.0.1"},
        "bond": {
            "name": "bond0",
            "nics": [{"name": "eth9", "mac": "0c:42:a1:00:00:09"}, {"name": "eth10", "mac": "0c:42:a1:00:00:0a"}],
            "mtu": 9000,
        },
        "user": "ubuntu",
        "authorized_keys": ["ssh-ed25519 AAAAkey operator"],
        "password_hash": "$6$salt$hash",
        "host_key": {"private": "PRIVATE KEY OF THE HOST\n", "public": "ssh-ed25519 AAAAhost metal1"},
        "dns": ["10.0.0.2"],
        "ntp": ["ntp1.example.com", "ntp2.example.com"],
        "proxy": "http://proxy.example.com:3128",
        "timezone": "Etc/UTC",
        "packages": ["nvme-cli"],
        **changes,
    }


#: As little as can be asked for, with another user and another disk.
LITTLE: dict[str, Any] = {
    "disk": {"path": "/dev/nvme0n1", "serial": None},
    "management": {"mac": "0c:42:a1:00:00:01", "address": None, "gateway": None},
    "user": "root",
    "password_hash": None,
    "host_key": None,
    "dns": [],
    "ntp": [],
    "proxy": None,
    "packages": [],
}


@pytest.fixture
def little() -> dict[str, Any]:
    return options(**LITTLE)

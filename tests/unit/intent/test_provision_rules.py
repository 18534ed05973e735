# SPDX-License-Identifier: Apache-2.0
"""One test per mistake in what is said of a server that shall be installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._intent import IntentError
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.targets import select_any_servers

from .conftest import Inventory

Only = Callable[[dict[str, str], str], str]


def wanted(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Variables of a server that may be installed."""
    return {
        "fabric_nic_macs": {"eth9": f"0c:42:a1:00:0{number}:09", "eth10": f"0c:42:a1:00:0{number}:0a"},
        "os_provision_provider": "redfish",
        "os_provision_wipe": True,
        "os_provision_bmc": {"url": f"https://bmc{number}.example.com", "username": "fabric", "password": "p"},
        "os_provision_installer": "https://media.example.com/noble.iso",
        "os_provision_disk": {"serial": "S4EVNX0R123456"},
        "os_provision_management": {
            "mac": f"0c:42:a1:00:0{number}:01",
            "address": f"10.0.0.{number}/24",
            "gateway": "10.0.0.254",
        },
        "os_provision_authorized_keys": ["ssh-ed25519 AAAAkey operator"],
        **changes,
    }


def test_servers_of_both_kinds_may_be_installed(inventory: Inventory) -> None:
    inventory.set("metal1", **wanted(1)).set("shared1", **wanted(2)).model()


def test_without_redfish_nothing_is_required(inventory: Inventory) -> None:
    inventory.set("metal1", os_provision_provider="existing").model()


@pytest.mark.parametrize(
    ("variable", "value", "path", "words"),
    [
        ("os_provision_provider", "redfihs", "os_provision_provider", "did you mean redfish?"),
        ("os_provision_boot", "usb", "os_provision_boot", "none of virtual_media, pxe, http"),
        ("os_provision_wipe", "yes please", "os_provision_wipe", "must be true or false"),
        ("os_provision_installer", "", "os_provision_installer", "required with os_provision_boot: virtual_media"),
        ("os_provision_disk", {}, "os_provision_disk", "none is ever guessed"),
        ("os_provision_disk", {"path": "/dev/sda", "serial": "S4"}, "os_provision_disk", "not by both"),
        ("os_provision_disk", {"path": "sda"}, "os_provision_disk.path", "does not look like /dev/nvme0n1"),
        ("os_provision_authorized_keys", [], "os_provision_authorized_keys", "nobody could log in"),
        ("os_provision_dns", ["ns.example.com"], "os_provision_dns[0]", "no address of a name server"),
        ("os_provision_management", {}, "os_provision_management.mac", "is required"),
        (
            "os_provision_management",
            {"mac": "0c:42:a1:00:01:01", "address": "10.0.0.1"},
            "os_provision_management.address",
            "no address with a prefix length",
        ),
        (
            "os_provision_management",
            {"mac": "0c:42:a1:00:01:01", "address": "10.0.0.1/24", "gateway": "10.0.1.1"},
            "os_provision_management.gateway",
            "lies outside 10.0.0.0/24",
        ),
        (
            "os_provision_management",
            {"mac": "0c:42:a1:00:01:01", "gateway": "10.0.1.1"},
            "os_provision_management.gateway",
            "is for a fixed address",
        ),
        (
            "os_provision_management",
            {"mac": "0C:42:A1:00:01:09"},
            "os_provision_management.mac",
            "is also a NIC of the bond",
        ),
        ("fabric_nic_macs", {"eth9": "0c:42:a1:00:01:09"}, "fabric_nic_macs", "needs eth10"),
    ],
)
def test_mistakes(inventory: Inventory, only: Only, variable: str, value: Any, path: str, words: str) -> None:
    inventory.set("metal1", **wanted(1, **{variable: value}))
    assert words in only(inventory.problems(), f"metal1.{path}")


@pytest.mark.parametrize("key", ["url", "username", "password"])
def test_a_bmc_needs_all_of_it(inventory: Inventory, only: Only, key: str) -> None:
    values = wanted()
    del values["os_provision_bmc"][key]
    inventory.set("metal1", **values)
    assert "is required" in only(inventory.problems(), f"metal1.os_provision_bmc.{key}")


def test_a_bmc_is_not_talked_to_in_the_clear(inventory: Inventory, only: Only) -> None:
    bmc = {"url": "http://bmc1.example.com", "username": "fabric", "password": "p"}
    inventory.set("metal1", **wanted(os_provision_bmc=bmc))
    assert "https://" in only(inventory.problems(), "metal1.os_provision_bmc.url")


def test_a_password_is_never_shown(inventory: Inventory) -> None:
    bmc = {"url": "https://bmc1.example.com", "username": "fabric", "password": {"hidden": "swordfish"}}
    inventory.set("metal1", **wanted(os_provision_bmc=bmc))
    assert "swordfish" not in str(inventory.problems())


def test_two_servers_do_not_share_a_bmc(inventory: Inventory) -> None:
    bmc = {"url": "https://bmc1.example.com/", "username": "fabric", "password": "p"}
    inventory.set("metal1", **wanted(1)).set("metal2", **wanted(2, os_provision_bmc=bmc))
    assert "the same BMC and system as metal1" in inventory.problems()["metal2.os_provision_bmc"]


def test_two_systems_of_one_bmc_are_two(inventory: Inventory) -> None:
    for number, host in enumerate(("metal1", "metal2"), start=1):
        bmc = {"url": "https://bmc.example.com", "username": "fabric", "password": "p", "system": host}
        inventory.set(host, **wanted(number, os_provision_bmc=bmc))
    inventory.model()


def test_all_servers_of_the_play_by_default(inventory: Inventory) -> None:
    model = inventory.model()
    targets = select_any_servers(model, [], ["metal1", "shared1", "blue"], "fabric_server")
    assert targets.hosts == ["shared1", "metal1"]


def test_named_servers_only(inventory: Inventory) -> None:
    model = inventory.model()
    targets = select_any_servers(model, ["metal1"], ["metal1", "metal2"], "fabric_server")
    assert targets.hosts == ["metal1"]


def test_names_that_are_no_servers(inventory: Inventory) -> None:
    with pytest.raises(IntentError, match="no server 'metal9'"):
        select_any_servers(inventory.model(), ["metal9"], [], "fabric_server")
    with pytest.raises(IntentError, match="leaves out metal1"):
        select_any_servers(inventory.model(), ["metal1"], [], "fabric_server")

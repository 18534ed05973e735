# SPDX-License-Identifier: Apache-2.0
"""The CNI plugin of the role, as far as it needs no network: what it answers, and what it would send."""

from __future__ import annotations

import importlib.util
import json
from types import ModuleType
from typing import Any

import pytest
from fabric_lab.state import REPOSITORY

LEASE = {"interface": "net1", "address": "192.168.2.100", "mac": "02:00:00:00:00:0a", "client": "abc/lan/net1"}


@pytest.fixture(scope="module")
def plugin() -> ModuleType:
    path = REPOSITORY / "roles" / "l2_dhcp_network" / "files" / "fabric_flat.py"
    spec = importlib.util.spec_from_file_location("fabric_flat", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def call(plugin: ModuleType, command: str, **configuration: Any) -> Any:
    return plugin.run({"CNI_COMMAND": command}, json.dumps(configuration))


def test_it_speaks_the_versions_that_its_neighbours_speak(plugin: ModuleType) -> None:
    assert "1.0.0" in call(plugin, "VERSION")["supportedVersions"]


def test_it_hands_on_what_came_before(plugin: ModuleType) -> None:
    before = {"cniVersion": "1.0.0", "ips": [{"address": "192.168.2.100/24"}]}
    assert call(plugin, "ADD", prevResult=before, routes=[]) == before
    assert call(plugin, "CHECK", prevResult=before) is None


@pytest.mark.parametrize(("command", "code"), [("ADD", 7), ("CHECK", 7), ("JUMP", 4)])
def test_its_errors_are_the_specifications(plugin: ModuleType, command: str, code: int) -> None:
    with pytest.raises(plugin.PluginError) as caught:
        call(plugin, command)
    assert caught.value.code == code


@pytest.mark.parametrize("configuration", [{}, {"release": True}, {"release": True, "prevResult": {"ips": []}}])
def test_what_has_nothing_to_give_back_may_go(plugin: ModuleType, configuration: dict[str, Any]) -> None:
    assert call(plugin, "DEL", **configuration) is None


def test_a_release_names_the_lease_as_it_was_made(plugin: ModuleType) -> None:
    message = plugin.message(LEASE, 7, b"\1\2\3\4", bytes([192, 168, 2, 1]))
    assert message[:4] == b"\x01\x01\x06\x00" and message[4:8] == b"\1\2\3\4"
    assert message[12:16] == bytes([192, 168, 2, 100]) and message[28:34] == bytes([2, 0, 0, 0, 0, 10])
    assert plugin.read_options(message) == {53: b"\x07", 61: b"\0abc/lan/net1", 54: bytes([192, 168, 2, 1])}


@pytest.mark.parametrize("text", [b"", b"short", b"\0" * 300, b"\0" * 236 + b"\x63\x82\x53\x63" + b"\x35"])
def test_what_is_no_answer_is_none(plugin: ModuleType, text: bytes) -> None:
    assert plugin.read_options(text) == {}

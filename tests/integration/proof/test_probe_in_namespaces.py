"""The probe on real sockets: four network namespaces, two Ethernet segments, a router and a deaf corner.

Needs root and nothing else; the namespaces are the test's own and go with it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
PREFIX = f"pp{os.getpid() % 10000}"

RUN = """
import json, os, sys
from ansible_collections.baremetal.fabric.plugins.module_utils._proof import devices
from ansible_collections.baremetal.fabric.plugins.module_utils._proof.session import Order, Session
import subprocess
order = json.load(sys.stdin)
order["expected"] = [tuple(entry) for entry in order["expected"]]
text = subprocess.run(["ip", "-details", "-json", "address", "show"], check=True, capture_output=True, text=True).stdout
print(json.dumps(Session(Order(**order), devices.parse_devices(text), None).run()))
"""


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


@pytest.fixture(scope="module")
def rack() -> Iterator[dict[str, str]]:
    """Two bridges in one namespace; a1, a2 on the first, b1 on the second, r on both (and routing)."""
    spaces = {name: f"{PREFIX}{name}" for name in ("sw", "a1", "a2", "b1", "r")}
    try:
        for space in spaces.values():
            ip("netns", "add", space)
            ip("-n", space, "link", "set", "lo", "up")
        for bridge in ("a", "b"):
            ip("-n", spaces["sw"], "link", "add", "name", f"seg-{bridge}", "type", "bridge")
            ip("-n", spaces["sw"], "link", "set", f"seg-{bridge}", "up")
        cables = [
            ("a1", "eth9", "a", "10.1.0.1/24"),
            ("a2", "eth9", "a", "10.1.0.2/24"),
            ("b1", "eth9", "b", "10.2.0.1/24"),
            ("r", "eth1", "a", "10.1.0.254/24"),
            ("r", "eth2", "b", "10.2.0.254/24"),
        ]
        for host, nic, bridge, address in cables:
            port = f"{host}{nic}"
            ip("-n", spaces["sw"], "link", "add", port, "type", "veth", "peer", "name", nic, "netns", spaces[host])
            ip("-n", spaces["sw"], "link", "set", port, "master", f"seg-{bridge}", "up")
            ip("-n", spaces[host], "address", "add", address, "dev", nic)
            ip("-n", spaces[host], "link", "set", nic, "up")
        ip("-n", spaces["b1"], "route", "add", "default", "via", "10.2.0.254")
        yield spaces
    finally:
        for space in spaces.values():
            subprocess.run(["ip", "netns", "del", space], check=False)


def forward(rack: dict[str, str], on: bool) -> None:
    value = "1" if on else "0"
    subprocess.run(["ip", "netns", "exec", rack["r"], "sysctl", "-qw", f"net.ipv4.ip_forward={value}"], check=True)


def probe(rack: dict[str, str], orders: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Run the orders at the same time, each in its namespace."""
    base = {
        "nonce": "n1",
        "duration": 4.0,
        "minimum": 1.0,
        "interfaces": [{"name": "eth9"}],
        "expected": [],
        "checks": [],
        "capture": [],
        "expect_link": [],
    }
    environment = {**os.environ, "PYTHONPATH": str(ROOT / ".ansible" / "collections")}
    running = {
        name: subprocess.Popen(
            ["ip", "netns", "exec", rack[name], sys.executable, "-c", RUN],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for name in orders
    }
    for name, order in orders.items():
        stdin = running[name].stdin
        assert stdin is not None
        json.dump({**base, "name": name, **order}, stdin)
        stdin.close()
    results = {}
    for name, process in running.items():
        stdout = process.stdout
        assert stdout is not None
        results[name] = json.loads(stdout.read())
        assert process.wait() == 0
    return results


def answer(result: dict[str, Any], ident: str) -> dict[str, Any]:
    found = [check for check in result["checks"] if check["id"] == ident]
    assert len(found) == 1
    return dict(found[0])


def heard(result: dict[str, Any]) -> set[tuple[str, int | None]]:
    return {(entry["sender"], entry["vlan"]) for entry in result["heard"]}


def test_same_segment_is_heard_and_ends_early_while_the_other_stays_silent(rack: dict[str, str]) -> None:
    results = probe(
        rack,
        {
            "a1": {"expected": [("eth9", "a2", "eth9")]},
            "a2": {"expected": [("eth9", "a1", "eth9")]},
            "b1": {"expected": [("eth9", "a1", "eth9")]},
        },
    )
    assert heard(results["a1"]) == {("a2", None)}
    assert heard(results["a2"]) == {("a1", None)}
    assert heard(results["b1"]) == set()
    assert results["a1"]["complete"] and results["a1"]["elapsed"] < 4.0
    assert not results["b1"]["complete"] and results["b1"]["elapsed"] >= 4.0
    assert all(result["stations"][0]["left"] > 0 for result in results.values())


def test_another_run_is_not_heard(rack: dict[str, str]) -> None:
    results = probe(rack, {"a1": {"nonce": "one", "duration": 2.0}, "a2": {"nonce": "two", "duration": 2.0}})
    assert heard(results["a1"]) == heard(results["a2"]) == set()


def test_tag_is_seen_though_the_kernel_takes_it_off(rack: dict[str, str]) -> None:
    results = probe(
        rack, {"a1": {"duration": 2.0, "interfaces": [{"name": "eth9", "tags": [7]}]}, "a2": {"duration": 2.0}}
    )
    assert heard(results["a2"]) == {("a1", None), ("a1", 7)}
    assert {entry["tag"] for entry in results["a2"]["heard"]} == {None, 7}


def test_arp_is_answered_on_the_segment_only_and_without_claiming_an_address(rack: dict[str, str]) -> None:
    checks = [
        {"id": "near", "kind": "arp", "interface": "eth9", "address": "10.1.0.2"},
        {"id": "far", "kind": "arp", "interface": "eth9", "address": "10.2.0.1", "expect": "silence"},
        {"id": "odd", "kind": "arp", "interface": "nope", "address": "10.2.0.1"},
    ]
    result = probe(rack, {"a1": {"checks": checks}})["a1"]
    assert answer(result, "near")["result"] == "answered" and len(answer(result, "near")["macs"]) == 1
    assert answer(result, "far")["result"] == "silent"
    assert answer(result, "odd")["result"] == "no_interface"


@pytest.mark.parametrize(("forwarding", "expected"), [(False, "silent"), (True, "answered")])
def test_a_multihomed_machine_is_found_out_when_it_routes(
    rack: dict[str, str], forwarding: bool, expected: str
) -> None:
    forward(rack, forwarding)
    mac = json.loads(
        subprocess.run(
            ["ip", "-n", rack["r"], "-j", "link", "show", "eth1"], check=True, capture_output=True, text=True
        ).stdout
    )
    checks = [
        {
            "id": "through",
            "kind": "route",
            "interface": "eth9",
            "address": "10.2.0.1",
            "port": 22,
            "via": ["10.1.0.254", "10.1.0.99"],
            "expect": "silence",
        },
        {
            "id": "by-mac",
            "kind": "route",
            "interface": "eth9",
            "address": "10.2.0.1",
            "via": [f"mac:{mac[0]['address']}"],
            "expect": "silence",
        },
        {"id": "near", "kind": "route", "interface": "eth9", "address": "10.1.0.2", "via": ["@onlink"]},
        {
            "id": "nobody",
            "kind": "route",
            "interface": "eth9",
            "address": "10.9.0.1",
            "via": ["10.1.0.98"],
            "expect": "silence",
        },
    ]
    result = probe(rack, {"a1": {"checks": checks, "minimum": 3.0}})["a1"]
    assert answer(result, "through")["result"] == expected
    assert answer(result, "by-mac")["result"] == expected
    assert answer(result, "through")["next_hops"] == ["10.1.0.254"]
    assert answer(result, "near")["result"] == "answered"
    assert answer(result, "nobody")["result"] == "no_next_hop"


def test_connections_are_told_apart_and_seen_on_the_wire(rack: dict[str, str]) -> None:
    server = subprocess.Popen(
        ["ip", "netns", "exec", rack["a2"], sys.executable, "-m", "http.server", "8123", "--bind", "10.1.0.2"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        checks = [
            {"id": "open", "kind": "tcp", "interface": "eth9", "address": "10.1.0.2", "port": 8123},
            {"id": "refused", "kind": "tcp", "address": "10.1.0.2", "port": 8124},
            {"id": "lost", "kind": "tcp", "address": "10.1.0.77", "port": 8123, "expect": "silence"},
            {
                "id": "pod",
                "kind": "tcp",
                "address": "10.1.0.2",
                "port": 8123,
                "pod_uid": "11111111-dead-beef-0000-000000000000",
            },
        ]
        capture = [{"interface": "eth9", "address": "10.1.0.2", "port": 8123}]
        result = probe(rack, {"a1": {"checks": checks, "capture": capture}})["a1"]
    finally:
        server.terminate()
        server.wait()
    assert answer(result, "open")["result"] == "open" and answer(result, "open")["source"] == "10.1.0.1"
    assert answer(result, "refused")["result"] == "refused"
    assert answer(result, "lost")["result"] in ("silent", "unreachable")
    assert answer(result, "pod")["result"] == "no_pod"
    segments = {(entry["segment"], entry["direction"], entry["vlan"]) for entry in result["captured"]}
    assert segments == {("syn", "out", None), ("syn-ack", "in", None)}

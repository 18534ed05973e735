"""Ways out of tenant clusters: NAT to a web server outside, and shared services that keep their users apart.

The example inventory's variables on top of whatever the inventory is by now; the leaf does what a SoftGate does.
"""

from __future__ import annotations

import ipaddress
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fabric_lab.demo.plays import INVENTORY, Run
from fabric_lab.rack.controller import Api
from fabric_lab.rack.topology import INTERNET, SERVICES, Outlet
from fabric_lab.state import REPOSITORY

from .conftest import Tenants, settled, unchanged
from .lab import TestLab
from .test_50_change import copy_inventory

pytestmark = pytest.mark.internet

EXAMPLE = REPOSITORY / "inventories" / "internet"
OUTSIDE = REPOSITORY / "lab" / "rack" / "outside.yml"
BLUE, GREEN = "metal1", "metal2"
TENANTS = ("-e", "fabric_tenants=blue,green")
SNAT, DNAT = "198.51.100.5", "198.51.100.6"


def fetch(rack: TestLab, machine: str, address: str) -> dict[str, str] | None:
    """What a web server tells a server of the rack; None when there is no way to it."""
    text = rack.ssh(machine, f"curl -s --max-time 5 http://{address}/ || true")
    found: dict[str, str] | None = json.loads(text) if text.strip() else None
    return found


def awaited(rack: TestLab, machine: str, address: str, wanted: bool = True) -> dict[str, str] | None:
    """The same once the switch has followed: nothing in Netris tells when a rule is carried out."""
    deadline = time.monotonic() + 60
    while True:
        found = fetch(rack, machine, address)
        if (found is not None) == wanted or time.monotonic() > deadline:
            return found


def beyond(rack: TestLab, outlet: Outlet, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run something where a web server is."""
    command = ["ip", "netns", "exec", outlet.netns(rack.lab), *argv]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def outside(rack: TestLab) -> tuple[list[str], list[str]]:
    """Names of all NAT rules and peerings that the controller has."""
    api = Api(rack.lab)
    api.login()
    nat, peerings = (api.request("GET", f"/api/v2/{each}") for each in ("nat", "vpc-peering"))
    return sorted(each["name"] for each in nat), sorted(each["name"] for each in peerings)


def address_of(rack: TestLab, machine: str) -> str:
    """A server's address in its tenant cluster's network."""
    entries = rack.devices(machine)["bond0"]["addr_info"]
    return next(str(each["local"]) for each in entries if each["family"] == "inet")


@pytest.fixture(scope="module")
def ways_out(rack: TestLab, tenants: Tenants, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Blue and green with the example's variables. At the end they are islands again."""
    tenants.ensure()
    before = rack.inventory
    target = tmp_path_factory.mktemp("internet") / "inventory"
    if before == INVENTORY:
        copy_inventory(target, {})
    else:
        shutil.copytree(before, target)
    shutil.copy(EXAMPLE / "group_vars" / "all" / "outside.yml", target / "group_vars" / "all")
    for tenant in ("blue", "green"):
        own = target / "host_vars" / f"{tenant}.yml"
        own.parent.mkdir(exist_ok=True)
        text = own.read_text() if own.exists() else "---\n"
        example = (EXAMPLE / "host_vars" / f"{tenant}.yml").read_text().removeprefix("---\n")
        own.write_text(f"{text}\n{example}")
    assert fetch(rack, BLUE, INTERNET.host) is None, "blue reaches the internet before it was given a way"
    assert fetch(rack, BLUE, SERVICES.host) is None
    settled(rack.play(str(OUTSIDE)))
    rack.inventory = target
    yield settled(rack.play("tenant_create", *TENANTS))
    rack.inventory = before
    settled(rack.play("tenant_create", *TENANTS))
    assert outside(rack) == ([], [])
    assert awaited(rack, BLUE, INTERNET.host, wanted=False) is None
    assert awaited(rack, BLUE, SERVICES.host, wanted=False) is None
    settled(rack.play(str(OUTSIDE), "-e", "outside_state=absent"))
    assert {each["name"] for each in rack.controller()["vpc"]}.isdisjoint({"services"})
    spaces = rack.ssh("leaf1", "ip netns list").split()
    assert "vpc-0" not in spaces, "the leaf still has a way to the outside"


@pytest.mark.usefixtures("ways_out")
def test_rules_and_peerings_are_there_and_nothing_else(rack: TestLab) -> None:
    assert outside(rack) == (["blue-dnat-198.51.100.6-tcp-80", "blue-snat"], ["blue-services", "green-services"])


@pytest.mark.usefixtures("ways_out")
def test_a_server_reaches_the_internet_from_the_public_address(rack: TestLab) -> None:
    assert awaited(rack, BLUE, INTERNET.host) == {"server": "internet", "client": SNAT}
    assert fetch(rack, GREEN, INTERNET.host) is None


@pytest.fixture
def web_service(rack: TestLab) -> Iterator[str]:
    """A web server on host 10 of blue's subnet; the name that it answers with."""
    subnet = ipaddress.ip_interface(f"{address_of(rack, BLUE)}/22").network
    rack.ssh(
        BLUE,
        f"""
        ip addr add {subnet[10]}/22 dev bond0
        mkdir -p /run/web && echo blue >/run/web/index.html
        systemd-run --unit lab-web --collect python3 -m http.server 8080 --bind {subnet[10]} --directory /run/web
        for _ in $(seq 50); do curl -sf http://{subnet[10]}:8080/ && exit 0; sleep 0.1; done
        exit 1
        """,
    )
    yield "blue"
    rack.ssh(BLUE, f"systemctl stop lab-web; ip addr del {subnet[10]}/22 dev bond0")


@pytest.mark.usefixtures("ways_out")
def test_a_port_of_the_public_address_leads_to_a_server(rack: TestLab, web_service: str) -> None:
    assert awaited(rack, BLUE, INTERNET.host) is not None  # the switch has followed
    done = beyond(rack, INTERNET, "curl", "-s", "--max-time", "5", f"http://{DNAT}/")
    assert done.stdout.strip() == web_service
    assert beyond(rack, INTERNET, "curl", "-s", "--max-time", "3", f"http://{DNAT}:8080/").returncode != 0


@pytest.mark.usefixtures("ways_out")
def test_both_reach_the_services_and_still_not_each_other(rack: TestLab) -> None:
    for machine in (BLUE, GREEN):
        assert awaited(rack, machine, SERVICES.host) == {"server": "services", "client": address_of(rack, machine)}
    for machine, other in ((BLUE, GREEN), (GREEN, BLUE)):
        target = address_of(rack, other)
        assert "0 received" in rack.ssh(machine, f"ping -c 3 -W 1 {target} || true")


@pytest.mark.usefixtures("ways_out")
def test_the_proof_of_isolation_still_holds(rack: TestLab) -> None:
    unchanged(rack.play("verify"))


@pytest.mark.usefixtures("ways_out")
def test_a_second_run_changes_nothing(rack: TestLab) -> None:
    unchanged(rack.play("tenant_create", *TENANTS))


@pytest.mark.usefixtures("ways_out")
def test_one_rule_goes_and_the_rest_stays(rack: TestLab) -> None:
    """Without SNAT the internet is gone, while DNAT and services go on; then it comes back."""
    own = rack.inventory / "host_vars" / "blue.yml"
    text = own.read_text()
    own.write_text(text.replace(f"  snat_address: {SNAT}\n", ""))
    try:
        run = settled(rack.play("tenant_create", *TENANTS))
        assert _changes(run) == [("delete", "nats", "blue-snat")]
        assert awaited(rack, BLUE, INTERNET.host, wanted=False) is None
        assert fetch(rack, BLUE, SERVICES.host) is not None
        assert outside(rack)[0] == ["blue-dnat-198.51.100.6-tcp-80"]
    finally:
        own.write_text(text)
    run = settled(rack.play("tenant_create", *TENANTS))
    assert _changes(run) == [("create", "nats", "blue-snat")]
    assert awaited(rack, BLUE, INTERNET.host) == {"server": "internet", "client": SNAT}


def _changes(run: Run) -> list[tuple[str, str, str]]:
    """What the fabric's documents changed."""
    plans: list[Any] = [each.result.get("plan") or [] for each in run.changed]
    return [(step["operation"], step["noun"], step["name"]) for plan in plans for step in plan]


@pytest.mark.usefixtures("ways_out")
def test_a_reset_of_the_leaf_brings_it_all_back(rack: TestLab) -> None:
    rack.power("leaf1", "reset")
    rack.command("up", "--level", "rack")
    assert awaited(rack, BLUE, INTERNET.host) == {"server": "internet", "client": SNAT}
    assert awaited(rack, GREEN, SERVICES.host) is not None


@pytest.mark.usefixtures("ways_out")
def test_mistakes_are_told_at_once_and_nothing_is_touched(rack: TestLab, tmp_path: Path) -> None:
    wrong = tmp_path / "inventory"
    shutil.copytree(rack.inventory, wrong)
    (wrong / "host_vars" / "green.yml").write_text(
        f"fabric_internet: {{snat_address: {SNAT}}}\nfabric_peerings: [blue]\n"
    )
    before = outside(rack)
    run = rack.play("tenant_create", *TENANTS, inventory=wrong)
    told = "\n".join(each.text() for each in run.failed)
    assert run.returncode != 0
    assert "green.fabric_internet.snat_address: 198.51.100.5 is also used by blue" in told
    assert "green.fabric_peerings[0]: 'blue' is the VPC of tenant cluster blue" in told
    assert outside(rack) == before

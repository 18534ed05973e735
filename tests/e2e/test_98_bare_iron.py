"""A server with nothing on its disk: refused, planned, installed by its BMC, bonded and joined, in one run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from fabric_lab.demo.plays import Run
from fabric_lab.rack import topology, vm
from fabric_lab.rack.topology import Machine

from .conftest import Tenants, settled, unchanged
from .lab import TestLab
from .test_50_change import copy_inventory

pytestmark = pytest.mark.bare_iron

SERVER, TENANT = "metal3", "blue"
ONLY = ("-e", f"fabric_server={SERVER}")
BLUE = ("-e", f"fabric_tenants={TENANT}")


def machine(rack: TestLab) -> Machine:
    found = topology.build(rack.lab).machine(SERVER)
    assert found is not None
    return found


def variables(rack: TestLab) -> dict[str, Any]:
    """What the inventory says of a server that stands in a rack with nothing on its disk."""
    server, lab = machine(rack), "{{ lookup('ansible.builtin.env', 'FABRIC_LAB_DIR') }}"
    bmc = "{{ lookup('ansible.builtin.env', 'FABRIC_LAB_BMC_%s') }}"
    operator = topology.operator_address(rack.lab)
    return {
        "fabric_tenant_cluster": TENANT,
        "fabric_nic_macs": {cable.nic: cable.mac for cable in server.cables},
        "os_provision_provider": "redfish",
        "os_provision_bmc": {
            "url": bmc % "URL",
            "username": bmc % "USERNAME",
            "password": bmc % "PASSWORD",
            "system": SERVER,
            "manager": SERVER,
            "ca_path": f"{lab}/ca.pem",
        },
        "os_provision_installer": f"{bmc % 'URL'}/standin-installer.iso",
        "os_provision_disk": {"path": "/dev/ubda"},
        "os_provision_management": {
            "mac": topology.mac(rack.lab, server.host_number, 0),
            "address": f"{topology.management_address(rack.lab, server.host_number)}/24",
        },
        "os_provision_authorized_keys": [rack.lab.ssh_key.with_suffix(".pub").read_text().strip()],
        "os_provision_host_key": f"{lab}/host_keys/{SERVER}",
        "os_provision_media_address": operator,
        "os_provision_media_directory": f"{lab}/media",
        "os_provision_install_timeout": 600,
        "os_provision_boot_timeout": 300,
    }


def allow(rack: TestLab, own: bool | None = None, group: bool | None = None) -> None:
    """Consent of the host's own, or of its group's."""
    for path, value in (("host_vars/metal3.yml", own), ("group_vars/bare_metal.yml", group)):
        file = rack.inventory / path
        said = {} if value is None else {"os_provision_wipe": value}
        file.write_text(yaml.safe_dump(said))


@pytest.fixture(scope="module")
def blank(rack: TestLab, tenants: Tenants, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The server is off and its disk is empty; the inventory wants it in blue. It is parked again at the end."""
    tenants.ensure()
    before = rack.inventory
    rack.inventory = copy_inventory(tmp_path_factory.mktemp("bare") / "inventory", {"metal1": TENANT, SERVER: TENANT})
    hosts = rack.inventory / "hosts.yml"
    content = yaml.safe_load(hosts.read_text())
    content["all"]["children"]["servers"]["children"]["bare_metal"]["hosts"][SERVER].update(variables(rack))
    hosts.write_text(yaml.safe_dump(content))
    rack.command("blank", SERVER)
    yield
    rack.inventory = before
    settled(rack.play("server_move", "-e", f"fabric_server={SERVER}"))


def untouched(rack: TestLab) -> None:
    assert rack.command("power", SERVER, "status").strip() == "off"
    assert vm.own_disk(rack.lab, machine(rack)).stat().st_blocks == 0
    assert not (rack.lab.directory / "media").exists()


def refused(run: Run) -> str:
    assert {each.host for each in run.failed} == {SERVER}
    return " ".join(each.text() for each in run.failed)


def test_a_group_cannot_consent(rack: TestLab, blank: None) -> None:
    del blank
    allow(rack, group=True)
    assert "not in the variables of metal3 itself" in refused(rack.play("os_provision", *ONLY))
    untouched(rack)


def test_the_first_run_can_be_planned(rack: TestLab, blank: None) -> None:
    del blank
    allow(rack, own=True)
    run = settled(rack.play("os_provision", *ONLY, "--check", "--diff"))
    untouched(rack)
    assert {each.host for each in run.results if "os_provision" in each.task} == {SERVER}
    text = run.log.read_text()
    assert "WRITE /dev/ubda" in text and "80-fabric-bond.yaml" in text
    assert "PRIVATE KEY" not in text


def test_a_dry_run_of_everything_goes_on_without_it(rack: TestLab, blank: None) -> None:
    """What is on a server without a system cannot be planned; all else can."""
    del blank
    allow(rack, own=True)
    run = settled(rack.play("site", *BLUE, "--check", "--diff"))
    untouched(rack)
    assert "WRITE /dev/ubda" in run.log.read_text()
    assert not [each for each in run.changed if each.host == SERVER and "bond" in each.task.lower()]


@pytest.fixture(scope="module")
def installed(rack: TestLab, blank: None) -> Run:
    """One play, from an empty disk to a node."""
    del blank
    allow(rack, own=True)
    return settled(rack.play("site", *BLUE, "-vv"))


def test_it_is_a_node(rack: TestLab, installed: Run) -> None:
    del installed
    assert rack.nodes(TENANT)[SERVER]["ready"] == "True"


def test_its_bond_was_there_before_the_role_that_keeps_it(rack: TestLab, installed: Run) -> None:
    """By MAC address, with a partner, and word for word what host_network wants: it found nothing to do."""
    assert not [each for each in installed.changed if each.host == SERVER and "bond" in each.task.lower()]
    devices = rack.devices(SERVER)
    assert devices["bond0"]["linkinfo"]["info_data"]["mode"] == "802.3ad"
    assert {name for name, each in devices.items() if each.get("master") == "bond0"} == {"eth9", "eth10"}


def test_its_system_is_the_inventorys_and_not_the_labs(rack: TestLab, installed: Run) -> None:
    del installed
    assert rack.ssh(SERVER, "hostname").strip() == SERVER
    assert rack.ssh(SERVER, "cat /etc/fabric-installation").strip()
    assert "cow" not in rack.ssh(SERVER, "cat /proc/cmdline")


def test_nothing_is_left_of_it(rack: TestLab, installed: Run) -> None:
    assert not (rack.lab.directory / "media").exists()
    text = installed.log.read_text()
    private = (rack.lab.directory / "host_keys" / SERVER).read_text().splitlines()[1]
    password = (rack.lab.directory / "secrets" / "bmc_password").read_text()
    assert password not in text and private not in text
    assert json.dumps(private) not in text


def test_a_second_run_changes_nothing(rack: TestLab, installed: Run) -> None:
    del installed
    unchanged(rack.play("site", *BLUE))


def test_a_ready_node_is_never_installed(rack: TestLab, installed: Run) -> None:
    del installed
    run = rack.play("os_provision", *ONLY, "-e", f"fabric_reinstall={SERVER}")
    assert "is the Ready node metal3 of tenant cluster blue" in refused(run)
    assert rack.nodes(TENANT)[SERVER]["ready"] == "True"

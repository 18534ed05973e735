"""BMCs of the lab: what Redfish asks for is done to the power switch, and the stand-in for the installer."""

from __future__ import annotations

import importlib.machinery
import importlib.util
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fabric_lab.rack import foundation, topology, vm
from fabric_lab.rack.foundation import Foundation
from fabric_lab.rack.kernel import Kernel
from fabric_lab.state import Lab
from fabric_lab.supervisor.spec import ProcessSpec, ProcessStatus

pytest.importorskip("sushy_tools")

from fabric_lab.bmc import driver, settings
from sushy_tools import error

PROGRAM = Path(__file__).parents[3] / "lab" / "image" / "files" / "usr" / "local" / "sbin" / "standin-installer"
BASE = Foundation(Kernel("linux", "/modules/6.18"), Path("/cache/base.ext4"))


@dataclass
class Switch:
    """A supervisor that remembers what it was told."""

    specs: dict[str, ProcessSpec] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)

    def add(self, spec: ProcessSpec, start: bool = True) -> None:
        self.specs[spec.name] = spec
        if start:
            self.running.add(spec.name)

    def stop(self, name: str) -> None:
        self.running.discard(name)

    def status(self) -> dict[str, ProcessStatus]:
        return {
            name: ProcessStatus(name, "running" if name in self.running else "stopped", None, 1, 0.0, None)
            for name in self.specs
        }


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setenv("FABRIC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Lab, "run_directory", property(lambda _lab: tmp_path / "run"))
    monkeypatch.setattr(vm, "OWN_DISK_SIZE", 1 << 20)
    monkeypatch.setattr(foundation, "ensure", lambda _lab, _progress: BASE)
    lab = Lab("demo", 0)
    lab.prepare()
    # keys that are no keys: nobody logs in here
    for machine in topology.build(lab).machines:
        key = lab.directory / "host_keys" / machine.name
        key.parent.mkdir(exist_ok=True)
        key.write_text("private")
        key.with_suffix(".pub").write_text("public")
    lab.ssh_key.with_suffix(".pub").write_text("operator")
    return lab


@pytest.fixture
def switch(monkeypatch: pytest.MonkeyPatch) -> Switch:
    switch = Switch()
    monkeypatch.setattr(driver, "Supervisor", lambda _lab: switch)
    return switch


@pytest.fixture
def bmc(lab: Lab, switch: Switch) -> driver.LabDriver:
    del switch
    return driver.LabDriver(lab)


def insert(bmc: driver.LabDriver, tmp_path: Path) -> Path:
    """Both media, as the emulator hands them on after it fetched them."""
    installer, data = tmp_path / "fetched.iso", tmp_path / "seed.img"
    installer.write_bytes(settings.TICKET.read_bytes())
    data.write_bytes(b"data")
    bmc.set_boot_image("metal3", "Cd", str(installer))
    bmc.set_boot_image("metal3", "Floppy", str(data))
    return data


def argv(switch: Switch) -> list[str]:
    return list(switch.specs["vm-metal3"].argv)


def test_a_server_is_switched(bmc: driver.LabDriver, switch: Switch) -> None:
    assert "leaf1" not in bmc.systems and bmc.get_power_state("metal3") == "Off"
    bmc.set_power_state("metal3", "On")
    assert bmc.get_power_state("metal3") == "On"
    assert any(each.endswith("metal3.cow,/cache/base.ext4") for each in argv(switch))
    bmc.set_power_state("metal3", "ForceOff")
    assert bmc.get_power_state("metal3") == "Off"


def test_an_installer_runs_once_on_an_empty_disk(
    bmc: driver.LabDriver, switch: Switch, lab: Lab, tmp_path: Path
) -> None:
    data = insert(bmc, tmp_path)
    metal3 = topology.build(lab).machine("metal3")
    assert metal3 is not None
    bmc.set_boot_device("metal3", "Cd")
    bmc.set_power_state("metal3", "On")
    arguments = argv(switch)
    assert f"ubd0={vm.own_disk(lab, metal3)}" in arguments and f"ubd2r={data}" in arguments
    assert "root=/dev/ubdb" in arguments and "lab.installer" in arguments
    assert vm.own_disk(lab, metal3).stat().st_blocks == 0
    # nothing of the lab's gives it a name or lets anybody in
    seed = vm.seed_directory(lab, metal3)
    assert (seed / "etc/lab/nics").exists()
    assert not (seed / "etc/hostname").exists() and not (seed / "root").exists()
    bmc.set_power_state("metal3", "ForceOff")
    bmc.set_power_state("metal3", "On")
    arguments = argv(switch)
    assert "root=/dev/ubda" in arguments and "lab.installer" not in arguments
    assert not any(each.startswith("systemd.hostname=") for each in arguments)


def test_nothing_boots_without_both_media(bmc: driver.LabDriver, switch: Switch, tmp_path: Path) -> None:
    bmc.set_boot_device("metal3", "Cd")
    with pytest.raises(error.BadRequest, match="nothing else can be booted"):
        bmc.set_power_state("metal3", "On")
    insert(bmc, tmp_path)
    bmc.set_boot_image("metal3", "Floppy")
    bmc.set_boot_device("metal3", "Cd")
    with pytest.raises(error.BadRequest, match="no medium with data"):
        bmc.set_power_state("metal3", "On")
    assert switch.running == set()


def test_what_is_no_server_has_no_bmc(bmc: driver.LabDriver) -> None:
    for name in ("leaf1", "metal9"):
        with pytest.raises(error.NotFound):
            bmc.get_power_state(name)


def test_redfish_presses_the_switch(
    bmc: driver.LabDriver, switch: Switch, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real requests to the real emulator, with everything between it and the switch."""
    from fabric_lab.bmc import __main__ as program

    # what the application is given stays with its class
    monkeypatch.setattr(program.emulator.Application, "systems", None)
    monkeypatch.setenv("FABRIC_BMC_PASSWORD", "p")
    client = program.application(lab, bmc).test_client()
    login = {"auth": (settings.USERNAME, "p")}
    assert client.get("/redfish/v1/Systems").status_code == 401
    listed = client.get("/redfish/v1/Systems", **login).get_json()["Members"]
    assert {"@odata.id": "/redfish/v1/Systems/metal3"} in listed
    managers = client.get("/redfish/v1/Managers", **login).get_json()["Members"]
    assert {"@odata.id": "/redfish/v1/Managers/metal3"} in managers
    system = "/redfish/v1/Systems/metal3"
    assert client.get(system, **login).get_json()["PowerState"] == "Off"
    boot = {"Boot": {"BootSourceOverrideEnabled": "Once", "BootSourceOverrideTarget": "Cd"}}
    assert client.patch(system, json=boot, **login).status_code == 204
    reset = f"{system}/Actions/ComputerSystem.Reset"
    assert client.post(reset, json={"ResetType": "On"}, **login).status_code == 400
    insert(bmc, tmp_path)
    assert client.patch(system, json=boot, **login).status_code == 204
    assert client.post(reset, json={"ResetType": "On"}, **login).status_code == 204
    assert client.get(system, **login).get_json()["PowerState"] == "On"
    assert "lab.installer" in argv(switch)
    # nobody needs a login for the ticket
    assert client.get(f"/{settings.TICKET.name}").data == settings.TICKET.read_bytes()


@pytest.fixture
def installer() -> Any:
    loader = importlib.machinery.SourceFileLoader("standin_installer", str(PROGRAM))
    spec = importlib.util.spec_from_loader("standin_installer", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def rendered(**changes: Any) -> str:
    """What the collection renders, by its own means."""
    from ansible_collections.baremetal.fabric.plugins.module_utils._os_provision import autoinstall, model

    from tests.unit.os_provision.conftest import options

    wanted = {"disk": {"path": "/dev/ubda"}, "packages": [], **changes}
    return autoinstall.user_data(model.installation(options(**wanted)))


def test_the_stand_in_understands_what_the_collection_asks(installer: Any) -> None:
    config = installer.parse(rendered())
    assert config["user-data"]["hostname"] == "metal1"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"packages": ["nvme-cli"]}, "autoinstall.packages"),
        ({"disk": {"serial": "S4"}}, "matched by its path"),
        ({"disk": {"path": "/dev/sda"}}, "no disk /dev/sda"),
    ],
)
def test_the_stand_in_refuses_what_it_cannot_do(installer: Any, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(installer.Refused, match=words):
        installer.parse(rendered(**changes))

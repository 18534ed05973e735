"""The emulator's systems are the lab's servers: what Redfish asks for is done to the power switch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sushy_tools import error
from sushy_tools.emulator import constants
from sushy_tools.emulator.resources.systems.base import AbstractSystemsDriver

from fabric_lab.bmc import settings
from fabric_lab.rack import foundation, topology, vm
from fabric_lab.rack.topology import Machine
from fabric_lab.state import Lab
from fabric_lab.supervisor.client import Supervisor

_RUNNING = ("running", "waiting")
_ON = ("On", "ForceOn")
_OFF = ("ForceOff", "GracefulShutdown")
_AGAIN = ("ForceRestart", "GracefulRestart")


class LabDriver(AbstractSystemsDriver):  # type: ignore[misc]  # sushy-tools ships no types
    """A system is known by its machine's name. What is inserted and chosen to boot lasts as long as the process."""

    def __init__(self, lab: Lab) -> None:
        super().__init__()
        self._rack = topology.build(lab)
        self._supervisor = Supervisor(lab)
        self._boot_device: dict[str, str] = {}
        self._media: dict[tuple[str, str], str] = {}

    @property
    def driver(self) -> str:
        return "<lab>"

    @property
    def systems(self) -> list[str]:
        return [machine.name for machine in self._rack.servers]

    def uuid(self, identity: str) -> str:
        return self._machine(identity).name

    def name(self, identity: str) -> str:
        return self._machine(identity).name

    def get_power_state(self, identity: str) -> str:
        status = self._supervisor.status().get(vm.process_name(self._machine(identity).name))
        return "On" if status is not None and status.state in _RUNNING else "Off"

    def set_power_state(self, identity: str, state: str) -> None:
        machine = self._machine(identity)
        if state not in (*_ON, *_OFF, *_AGAIN):
            raise error.NotSupportedError(f"a server of the lab has no {state}")
        if state in (*_OFF, *_AGAIN):
            self._supervisor.stop(vm.process_name(machine.name))
        if state in _AGAIN or (state in _ON and self.get_power_state(identity) == "Off"):
            self._start(machine)

    def get_boot_device(self, identity: str) -> str:
        return self._boot_device.get(self._machine(identity).name, str(constants.DEVICE_TYPE_HDD))

    def set_boot_device(self, identity: str, boot_source: str) -> None:
        name = self._machine(identity).name
        if boot_source not in (constants.DEVICE_TYPE_CD, constants.DEVICE_TYPE_HDD):
            raise error.NotSupportedError(
                f"a server of the lab boots from its disk or a medium, not from {boot_source}"
            )
        self._boot_device[name] = boot_source

    def set_boot_image(
        self, identity: str, device: str, boot_image: str | None = None, write_protected: bool = True
    ) -> None:
        del write_protected  # media are read-only
        key = (self._machine(identity).name, device)
        if boot_image is None:
            self._media.pop(key, None)
        else:
            self._media[key] = boot_image

    def get_boot_image(self, identity: str, device: str) -> tuple[str | None, bool, bool]:
        image = self._media.get((self._machine(identity).name, device))
        return image, True, image is not None

    def get_nics(self, identity: str) -> list[dict[str, Any]]:
        machine = self._machine(identity)
        addresses = [topology.mac(self._rack.lab, machine.host_number, 0), *(cable.mac for cable in machine.cables)]
        return [{"id": address, "mac": address} for address in addresses]

    def _machine(self, identity: str) -> Machine:
        machine = self._rack.machine(identity)
        if machine is None or machine not in self._rack.servers:
            raise error.NotFound(f"the lab has no server {identity}")
        return machine

    def _start(self, machine: Machine) -> None:
        """Start it from what was chosen, which holds once: as sushy-tools' other drivers do not, but BMCs do."""
        base = foundation.ensure(self._rack.lab, lambda _text: None)
        chosen = self._boot_device.pop(machine.name, constants.DEVICE_TYPE_HDD)
        vm.write_seed(self._rack, machine)
        if chosen == constants.DEVICE_TYPE_CD:
            spec = vm.installer_process(self._rack, machine, base, self._installation_medium(machine))
        else:
            spec = vm.process(self._rack, machine, base)
        self._supervisor.add(spec)

    def _installation_medium(self, machine: Machine) -> Path:
        """The medium with the server's data, where the installer's own is inserted as well."""
        installer = self._media.get((machine.name, constants.DEVICE_TYPE_CD))
        if installer is None or Path(installer).read_bytes() != settings.TICKET.read_bytes():
            raise error.BadRequest(
                f"{machine.name}: no {settings.TICKET.name} in the drive, nothing else can be booted"
            )
        data = self._media.get((machine.name, constants.DEVICE_TYPE_FLOPPY))
        if data is None:
            raise error.BadRequest(f"{machine.name}: no medium with data for the installer is inserted")
        return Path(data)

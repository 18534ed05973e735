"""Starting, plugging in and removing guests."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import replace

from fabric_lab.rack import foundation, keys, network, ssh, topology, vm
from fabric_lab.rack.topology import Rack
from fabric_lab.standin_kubevirt import guests
from fabric_lab.standin_kubevirt.guests import Guest
from fabric_lab.state import Lab, LabError, write_private
from fabric_lab.supervisor.client import Supervisor

# A bridge takes over the smallest MTU of its ports.
_PLUG = """set -eu
cat /sys/class/net/{bridge}/mtu > /run/lab/{socket}.mtu
ip link set {socket} mtu "$(cat /run/lab/{socket}.mtu)"
ip link set {socket} master {bridge} up
"""
_UNPLUG = "ip link set {socket} down nomaster\n"


class Hardware:
    """The lab's machine as seen by KubeVirt."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.rack: Rack = topology.build(lab)
        self.supervisor = Supervisor(lab)

    def states(self) -> dict[str, str]:
        """What becomes of each machine of the lab, by its name."""
        found = self.supervisor.status()
        return {name.removeprefix("vm-"): status.state for name, status in found.items() if name.startswith("vm-")}

    def starts(self, server: str) -> int:
        return self.supervisor.status()[vm.process_name(server)].starts

    def start(self, guest: Guest, user_data: str, network_data: str) -> None:
        machine = guests.machine(self.rack, guest)
        rack = guests.beside(self.rack)
        keys.ensure_ssh(rack)
        network.ensure_taps(rack)
        vm.write_seed(rack, machine)
        seed = vm.seed_directory(self.lab, machine) / "etc" / "lab" / "cloud-init"
        seed.mkdir(mode=0o755)
        write_private(seed / "user-data", user_data)
        write_private(seed / "network-data", network_data)
        base = foundation.ensure(self.lab, lambda _text: None)
        self.supervisor.add(vm.process(rack, machine, base))

    def plug(self, guest: Guest) -> Guest:
        """Put the socket on the bridge; LabError while that is not there (yet)."""
        starts = self.starts(guest.server)
        self._on_server(guest, _PLUG)
        return replace(guest, plugged_at=starts)

    def stop(self, guest: Guest) -> None:
        """End the machine; its disk stays."""
        address = self.rack.address(guests.machine(self.rack, guest))
        if ssh.answers(address, timeout=0.5):
            with contextlib.suppress(LabError):  # its power switch forgets what was not written yet
                ssh.run(self.rack, guests.machine(self.rack, guest), "sync", timeout=15)
        self.supervisor.remove(vm.process_name(guest.machine_name))
        with contextlib.suppress(LabError):  # a server that is off has nothing to unplug
            self._on_server(guest, _UNPLUG)

    def remove(self, guest: Guest) -> None:
        """Nothing of it stays but its log."""
        machine = guests.machine(self.rack, guest)
        self.supervisor.remove(vm.process_name(machine.name))
        network.remove_tap(self.lab, machine.tap)
        vm.disk(self.lab, machine).unlink(missing_ok=True)
        shutil.rmtree(vm.seed_directory(self.lab, machine), ignore_errors=True)
        for key in (keys.host_key(self.lab, machine.name), keys.host_key(self.lab, machine.name).with_suffix(".pub")):
            key.unlink(missing_ok=True)

    def address(self, guest: Guest) -> str:
        """The guest's address in the VLAN, as a guest agent would tell it; empty while it has none."""
        script = f"ip -4 -o address show dev {guests.NIC} scope global | sed -n 's|.* inet \\([0-9.]*\\)/.*|\\1|p'"
        machine = guests.machine(self.rack, guest)
        if not ssh.answers(self.rack.address(machine), timeout=0.5):
            return ""
        try:
            return ssh.run(self.rack, machine, script, timeout=15).strip()
        except LabError:
            return ""

    def _on_server(self, guest: Guest, script: str) -> None:
        server = self.rack.machine(guest.server)
        if server is None:
            raise LabError(f"no server {guest.server}")
        ssh.run(self.rack, server, script.format(socket=guest.socket, bridge=guest.bridge), timeout=30)

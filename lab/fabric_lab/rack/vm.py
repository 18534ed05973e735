"""The virtual machines: what each finds when it boots, and how user-mode-linux is started for it."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from fabric_lab.rack import agent, keys, topology
from fabric_lab.rack.foundation import Foundation
from fabric_lab.rack.topology import LEAF, Cable, Machine, Rack
from fabric_lab.state import Lab, LabError, cache_dir
from fabric_lab.supervisor.spec import ProcessSpec

# what the kernel says last before a reboot; a user-mode-linux that re-executes itself keeps stale descriptors, so
# it is told to exit (noreboot) and the supervisor starts it again
_REBOOT_MARKER = "reboot: Restarting system"
# directories of the cache that machines may read, at /mnt/host/<name>
SHARES = ("bin", "images")
_COMMAND_LINE_LIMIT = 4096
# as large as the base image, of which the stand-in installer writes a copy
OWN_DISK_SIZE = 6 << 30

# A machine is one thread at a time, in its kernel or in one of its programs, each a process of this machine. On one
# processor they hand over in microseconds; left to the scheduler they wake each other across processors, and a system
# call takes six times as long.
_PROCESSORS = 2

# Servers step back behind the plays that are run on them, on the same machine; the switch does not.
_SERVER_PRIORITY = ("nice", "-n", "5")

# what a server that is prepared for Kubernetes brings along
_SERVER_MODULES = "overlay\nbr_netfilter\nnf_conntrack\n8021q\nbonding\n"
_SERVER_SYSCTLS = (
    "net.ipv4.ip_forward = 1\nnet.bridge.bridge-nf-call-iptables = 1\nnet.bridge.bridge-nf-call-ip6tables = 1\n"
)
_LEAF_MODULES = "8021q\nbonding\nbridge\nveth\n"
# the switch itself has no part in the networks that it carries
_LEAF_SYSCTLS = "net.ipv6.conf.all.disable_ipv6 = 1\nnet.ipv6.conf.default.disable_ipv6 = 1\n"


def process_name(machine: str) -> str:
    return f"vm-{machine}"


def seed_directory(lab: Lab, machine: Machine) -> Path:
    return lab.directory / "vm" / machine.name


def disk(lab: Lab, machine: Machine) -> Path:
    return lab.run_directory / f"{machine.name}.cow"


def own_disk(lab: Lab, machine: Machine) -> Path:
    """The disk of a machine that was made blank, and on which an installer writes all that is ever on it."""
    return lab.run_directory / f"{machine.name}.disk"


def is_own(lab: Lab, machine: Machine) -> bool:
    return own_disk(lab, machine).exists()


def make_blank(lab: Lab, machine: Machine) -> None:
    """Give the machine, which must be off, an empty disk of its own in place of its copy of the base image."""
    disk(lab, machine).unlink(missing_ok=True)
    path = own_disk(lab, machine)
    path.unlink(missing_ok=True)
    with path.open("wb") as stream:
        os.fchmod(stream.fileno(), 0o600)
        stream.truncate(OWN_DISK_SIZE)


def write_seed(rack: Rack, machine: Machine) -> None:
    """Write the files that the machine copies over its own at boot.

    One with a disk of its own has its name, its keys and its users from whoever installed it; of the lab it gets only
    what takes the place of hardware.
    """
    lab, root = rack.lab, seed_directory(rack.lab, machine)
    shutil.rmtree(root, ignore_errors=True)
    nics = "".join(f"vec{number} {cable.nic} {cable.mac}\n" for number, cable in enumerate(machine.nics, start=1))
    key = keys.host_key(lab, machine.name)
    leaf = machine.name == LEAF
    files = {
        "etc/lab/nics": nics,
        "etc/modules-load.d/lab.conf": _LEAF_MODULES if leaf else _SERVER_MODULES,
        "etc/sysctl.d/99-lab.conf": _LEAF_SYSCTLS if leaf else _SERVER_SYSCTLS,
    }
    private: dict[str, str] = {}
    if not is_own(lab, machine):
        files |= {
            "etc/hostname": f"{machine.name}\n",
            "etc/hosts": f"127.0.0.1 localhost\n127.0.1.1 {machine.name}\n",
            "etc/ssh/ssh_host_ed25519_key.pub": key.with_suffix(".pub").read_text(),
        }
        private |= {
            "etc/ssh/ssh_host_ed25519_key": key.read_text(),
            "root/.ssh/authorized_keys": lab.ssh_key.with_suffix(".pub").read_text(),
        }
    # without its settings the agent is not started
    if leaf and lab.agent:
        private.update(agent.settings(lab))
        files.update(agent.program())
    for mode, contents in ((0o644, files), (0o600, private)):
        for name, text in contents.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(mode)
    # copying them sets the modes of directories that the machine already has
    for directory in [root, *(path for path in root.rglob("*") if path.is_dir())]:
        directory.chmod(0o700 if directory.relative_to(root).parts[:1] == ("root",) else 0o755)


def _cable_argument(number: int, cable: Cable) -> str:
    if cable.tap:
        transport = f"tap,ifname={cable.tap}"
    else:
        transport = (
            f"l2tpv3,udp=1,src=127.0.0.1,dst=127.0.0.1,srcport={cable.source_port},dstport={cable.destination_port},"
            "rx_session=1,tx_session=1"
        )
    return f"vec{number}:transport={transport},mtu={topology.PORT_MTU},depth=128"


def _disks(lab: Lab, machine: Machine, base: Foundation, medium: Path | None) -> list[str]:
    """The disks, the first of them the server's own also while an installer runs from the second."""
    if medium is None:
        own = f"{own_disk(lab, machine)}" if is_own(lab, machine) else f"{disk(lab, machine)},{base.disk}"
        # The disk lies in this machine's memory: what is deleted in it is given back.
        return [f"ubd0={own}", "root=/dev/ubda", "rootflags=discard"]
    return [
        f"ubd0={own_disk(lab, machine)}",
        f"ubd1={_installer_disk(lab, machine)},{base.disk}",
        f"ubd2r={medium}",
        f"ubd3r={base.disk}",
        "root=/dev/ubdb",
        "lab.installer",
    ]


def _installer_disk(lab: Lab, machine: Machine) -> Path:
    return lab.run_directory / f"{machine.name}.installer.cow"


def kernel_arguments(rack: Rack, machine: Machine, base: Foundation, medium: Path | None = None) -> list[str]:
    """The command line of the machine's kernel; with a medium, that of the installer which reads it."""
    lab = rack.lab
    identity = hashlib.sha256(f"{lab.directory} {machine.name}".encode()).hexdigest()[:32]
    arguments = [
        f"umid={machine.name}",
        f"uml_dir={lab.run_directory}/uml/",
        *_disks(lab, machine, base, medium),
        "rw",
        f"mem={machine.memory}M",
        # no gateway: a server's only way to other networks is the fabric
        f"ip={rack.address(machine)}:::255.255.255.0:{machine.name}:{topology.MANAGEMENT_NIC}:off",
        *([] if is_own(lab, machine) else [f"systemd.hostname={machine.name}"]),
        f"systemd.machine_id={identity}",
        f"vec0:transport=tap,ifname={machine.tap},mac={topology.mac(lab, machine.host_number, 0)},depth=128",
        "con=null",
        "con0=null,fd:1",
        "net.ifnames=0",
        "noreboot",
        "quiet",
        *base.kernel.arguments,
        f"lab.seed={seed_directory(lab, machine)}",
        *(f"lab.share={share}:{cache_dir() / share}" for share in SHARES),
    ]
    arguments += [_cable_argument(number, cable) for number, cable in enumerate(machine.nics, start=1)]
    if len(" ".join(arguments)) >= _COMMAND_LINE_LIMIT:
        raise LabError(f"{machine.name} has more cables than its kernel's command line can name: use fewer servers")
    return arguments


def processor(rack: Rack, machine: Machine) -> int:
    """The processor of this machine that a machine of the rack is bound to."""
    allowed = sorted(os.sched_getaffinity(0))[:_PROCESSORS]
    return allowed[rack.machines.index(machine) % len(allowed)]


def process(rack: Rack, machine: Machine, base: Foundation) -> ProcessSpec:
    """The machine as a process of the lab. Its power switch is SIGKILL."""
    return _process(rack, machine, base, kernel_arguments(rack, machine, base))


def installer_process(rack: Rack, machine: Machine, base: Foundation, medium: Path) -> ProcessSpec:
    """The machine while the stand-in installer writes its disk, from a system that forgets everything.

    Installing always begins with an empty disk: what would be lost is lost before the first command runs.
    """
    lab = rack.lab
    make_blank(lab, machine)
    write_seed(rack, machine)
    _installer_disk(lab, machine).unlink(missing_ok=True)
    return _process(rack, machine, base, kernel_arguments(rack, machine, base, medium))


def _process(rack: Rack, machine: Machine, base: Foundation, arguments: list[str]) -> ProcessSpec:
    lab = rack.lab
    placement = ["taskset", "--cpu-list", str(processor(rack, machine))]
    priority = () if machine.name == LEAF else _SERVER_PRIORITY
    return ProcessSpec(
        name=process_name(machine.name),
        argv=[*placement, *priority, base.kernel.program, *arguments],
        log=str(lab.log_directory / f"{machine.name}.log"),
        # the memory of the machine is a file that is never synchronised to a disk
        env={"TMPDIR": str(lab.run_directory)},
        cwd=str(lab.run_directory),
        netns=lab.netns,
        restart="on-reboot",
        reboot_marker=_REBOOT_MARKER,
        stop_signal="SIGKILL",
    )

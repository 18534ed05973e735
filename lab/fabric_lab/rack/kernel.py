"""Which kernel the machines run: one built for them, else Debian's user-mode-linux.

They differ in how a program of a machine enters its kernel. Debian's stops the program by ptrace at each system call
and page fault; since 6.16 a seccomp filter does it with fewer switches between processes (`seccomp=auto` takes ptrace
where this machine allows no such filter). Debian's own newer packages have no tables for iptables, so one is built.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from fabric_lab.rack import kernel_build, requirements
from fabric_lab.rack.kernel_build import Progress
from fabric_lab.state import LabError

CHOICES = ("auto", "build", "debian")
PACKAGED = "linux.uml"
_PACKAGED_MODULES = Path("/usr/lib/uml/modules")
# It has no modules to load later; what Debian's gets from modprobe's configuration it is told at once: no devices that
# nobody asked for, whose names a server's own configuration would then meet.
ARGUMENTS = ("seccomp=auto", "bonding.max_bonds=0", "dummy.numdummies=0")


@dataclass(frozen=True)
class Kernel:
    """A user-mode kernel: its program, its directory of modules (named by its release), what it is told."""

    program: str
    modules: str
    arguments: tuple[str, ...] = ()


def ensure(progress: Progress) -> Kernel:
    """The kernel for new machines. ``FABRIC_KERNEL=auto|build|debian`` chooses."""
    choice = os.environ.get("FABRIC_KERNEL", "auto")
    if choice not in CHOICES:
        raise LabError(f"FABRIC_KERNEL={choice}: choose one of {', '.join(CHOICES)}")
    if choice == "debian":
        return _packaged(progress)
    try:
        return _built(progress)
    except LabError as error:
        if choice == "build":
            raise
        progress(f"no kernel could be built ({error}): Debian's user-mode-linux takes its place, at half the speed")
    return _packaged(progress)


def _built(progress: Progress) -> Kernel:
    directory = kernel_build.ensure(progress)
    return Kernel(str(directory / "linux"), str(_only(directory / "modules")), ARGUMENTS)


def _packaged(progress: Progress) -> Kernel:
    for package in requirements.ensure({PACKAGED: "user-mode-linux"}):
        progress(f"installed the Debian package {package}")
    return Kernel(PACKAGED, str(_only(_PACKAGED_MODULES)))


def _only(directory: Path) -> Path:
    """The newest release below a directory of modules."""
    releases = sorted(directory.iterdir()) if directory.is_dir() else []
    if not releases:
        raise LabError(f"no kernel modules in {directory}")
    return releases[-1]

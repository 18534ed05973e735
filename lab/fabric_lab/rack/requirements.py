"""What the machine must have; Debian packages that are missing are installed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from fabric_lab.run import run
from fabric_lab.state import LabError

# program → Debian package
PROGRAMS = {
    "mmdebstrap": "mmdebstrap",
    "mkfs.ext4": "e2fsprogs",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "ethtool": "ethtool",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
}


def missing_packages(programs: Mapping[str, str]) -> list[str]:
    """Debian packages whose programs are not there."""
    return sorted({package for program, package in programs.items() if shutil.which(program) is None})


def check() -> None:
    """Say what no package can give."""
    if os.geteuid() != 0:
        raise LabError("the rack needs root: it makes network namespaces and virtual machines")
    if not Path("/dev/net/tun").exists():
        raise LabError("/dev/net/tun is missing: the rack's management network needs it")


def ensure(programs: Mapping[str, str] = PROGRAMS) -> list[str]:
    """Have these programs on the machine; the packages that were installed for it."""
    missing = missing_packages(programs)
    if missing:
        if shutil.which("apt-get") is None:
            raise LabError(
                f"missing programs of the Debian packages {', '.join(missing)}, and there is no apt-get to install them"
            )
        run(["apt-get", "update", "-qq"])
        run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], timeout=1800)
        if left := missing_packages(programs):
            raise LabError(f"installed, but still missing: {', '.join(left)}")
    return missing

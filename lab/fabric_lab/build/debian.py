"""Files of Debian packages for images, without installing anything on this machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from fabric_lab.build.oci import Entry
from fabric_lab.build.progress import step
from fabric_lab.build.stamp import Stamps, fingerprint
from fabric_lab.rack.image import SUITE, apt_sources
from fabric_lab.state import LabError, cache_dir

PACKAGES = ("busybox-static", "containerd", "dnsmasq-base", "haproxy")
# what the images' scripts use, and what somebody who looks around in a container expects
APPLETS = (
    "sh", "ash", "awk", "base64", "cat", "chmod", "cp", "cut", "date", "echo", "env", "grep", "head", "hostname", "ip",
    "kill", "ln", "ls", "md5sum", "mkdir", "mv", "nc", "nslookup", "ping", "printf", "ps", "rm", "sed", "sleep", "sort",
    "stat", "tail", "tar", "test", "touch", "tr", "true", "uname", "vi", "wc", "wget",
)  # fmt: skip


def tree() -> Path:
    """An unpacked tree with the packages and all they depend on."""
    directory = cache_dir() / "debian"
    stamps = Stamps(directory)
    wanted = fingerprint((SUITE, *PACKAGES))
    root = directory / "root"
    if not stamps.current("root", wanted):
        stamps.forget("root")
        shutil.rmtree(root, ignore_errors=True)
        directory.mkdir(parents=True, exist_ok=True)
        with step(f"unpacking Debian's {', '.join(PACKAGES)}"):
            command = ["mmdebstrap", "--variant=extract", f"--include={','.join(PACKAGES)}", SUITE, str(root), "-"]
            result = subprocess.run(command, input=apt_sources(), capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise LabError(f"{' '.join(command)} failed:\n{result.stderr.strip()[-2000:]}")
        stamps.write("root", wanted)
    return root


def busybox(root: Path) -> list[Entry]:
    """A static shell and the usual small tools."""
    program = next((path for path in (root / "bin/busybox", root / "usr/bin/busybox") if path.exists()), None)
    if program is None:
        raise LabError("no busybox in Debian's busybox-static")
    return [Entry("bin/busybox", program), *(Entry(f"bin/{applet}", link="busybox") for applet in APPLETS)]


def program(root: Path, path: str) -> list[Entry]:
    """A dynamically linked program of the tree with its loader and libraries, at their usual places."""
    loader = "/lib64/ld-linux-x86-64.so.2"
    command = ["chroot", str(root), loader, "--list", path]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise LabError(f"{' '.join(command)} failed: {result.stderr.strip()}")
    libraries = re.findall(r"=> (/\S+)", result.stdout)
    return [Entry(name, _inside(root, name)) for name in sorted({path, loader, *libraries})]


def _inside(root: Path, name: str) -> Path:
    """The file behind a path of the tree; absolute links mean the tree, not this machine."""
    path = root / name.lstrip("/")
    for _ in range(10):
        if not path.is_symlink():
            return path if path.exists() else _inside(root, "/usr" + name)
        target = path.readlink()
        path = root / str(target).lstrip("/") if target.is_absolute() else path.parent / target
    raise LabError(f"{name}: too many links in {root}")

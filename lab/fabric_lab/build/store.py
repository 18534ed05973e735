"""All images unpacked once, as containerd keeps them, for the machines to use in place.

Importing a gigabyte of images takes a virtual machine of the lab minutes, and memory of this machine twice over (its
disk is a file in memory). A machine that finds a store takes over its database and links to its layers instead; they
are read through the file system that the lab shares with it. Where this machine cannot make a store (its kernel has
no overlayfs) the machines import the archives.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from fabric_lab import state
from fabric_lab.build import debian, images
from fabric_lab.build.progress import say, step
from fabric_lab.build.stamp import fingerprint

SCRIPT = images.SOURCES / "make-store.sh"
DATABASES = ("io.containerd.metadata.v1.bolt/meta.db", "io.containerd.snapshotter.v1.overlayfs/metadata.db")


def key() -> str:
    """Names a store by what is in it. A store never changes: machines rely on it as long as they live."""
    digests = [f"{image['reference']}@{image['digest']}" for image in images.index()]
    return fingerprint([*debian.PACKAGES, *digests], [SCRIPT])[:16]


def path() -> Path:
    return images.directory() / f"store-{key()}"


def ensure() -> Path | None:
    """The store of the present images; None where this machine cannot make one."""
    target = path()
    if target.exists():
        _prune(target)
        return target
    new = images.directory() / "store.new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    archives = [image["archive"] for image in images.index()]
    with step(f"unpacking {len(archives)} images"):
        command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", str(SCRIPT)]
        done = subprocess.run(
            [*command, str(debian.tree()), str(new), str(images.directory()), *archives],
            capture_output=True,
            text=True,
            check=False,
        )
    complete = done.returncode == 0 and all((new / name).exists() for name in DATABASES)
    if not complete:
        said = " / ".join(done.stderr.strip().splitlines()[-3:])
        say(f"the images could not be unpacked here ({said}): the lab's machines will import them, which takes minutes")
        shutil.rmtree(new)
        return None
    new.rename(target)
    _prune(target)
    return target


def _prune(keep: Path) -> None:
    """Remove former stores, unless a lab runs whose machines may live on one."""
    if state.running_labs():
        return
    for former in images.directory().glob("store-*"):
        if former != keep:
            shutil.rmtree(former)

"""``python -m fabric_lab.build [target …]``: make the lab's programs and images current.

A target is the name of a component (a folder of ``lab/go``), an image reference, ``binaries``, ``images``, ``all`` of
them (the default), ``extras``, which only some tests need and ``all`` leaves out, or ``machines``: the kernel and the
base disk of the virtual machines, which a lab makes itself if they are missing. ``FABRIC_BUILD=auto|download|go``
chooses where programs come from, ``FABRIC_KEEP_GO_CACHE=1`` keeps Go's build cache.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import sys
from pathlib import Path

from fabric_lab.build import binaries, charts, golang, images, store
from fabric_lab.build.components import COMPONENTS, EXTRAS
from fabric_lab.build.progress import say, step
from fabric_lab.rack import image, kernel
from fabric_lab.state import LabError, cache_dir

MACHINES = "machines"
GROUPS = ("all", "binaries", "images", "extras")


def select(targets: list[str]) -> tuple[set[str], set[str]]:
    """The components and the images that the targets name."""
    names = {component.name for component in COMPONENTS}
    references = {image.reference: image for image in images.IMAGES}
    chosen: set[str] = set()
    chosen_images: set[str] = set()
    for target in targets or ["all"]:
        if target in ("all", "binaries"):
            chosen |= names - set(EXTRAS)
        if target in ("all", "images"):
            chosen_images |= {reference for reference, each in references.items() if not each.extra}
        if target == "extras":
            chosen |= set(EXTRAS)
            chosen_images |= {reference for reference, each in references.items() if each.extra}
        if target in names:
            chosen.add(target)
        elif target in references:
            chosen_images.add(target)
        elif target not in (*GROUPS, MACHINES):
            known = ", ".join((*GROUPS, MACHINES, *sorted(names | set(references))))
            raise LabError(f"unknown target {target!r}: one of {known}")
    if chosen_images & {images.VCLUSTER, images.FORMER_VCLUSTER}:  # they carry these archives
        chosen_images |= set(images.BUNDLED)
    for reference in chosen_images:
        chosen |= set(references[reference].components)
    return chosen, chosen_images


def build(targets: list[str]) -> None:
    """Build under a lock: two builds at once would only take turns on the same cores."""
    chosen, chosen_images = select(targets)
    cache_dir().mkdir(parents=True, exist_ok=True)
    with (cache_dir() / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        compiled = binaries.ensure(chosen)
        images.ensure(chosen_images)
        if chosen_images >= {image.reference for image in images.IMAGES if not image.extra}:
            store.ensure()
        if "vcluster" in chosen:
            charts.ensure()
        if compiled and not os.environ.get("FABRIC_KEEP_GO_CACHE"):
            say("dropping Go's build cache (FABRIC_KEEP_GO_CACHE=1 keeps it)")
            golang.prune()
    if MACHINES in targets:
        with step("kernel and disk of the machines"):
            image.ensure(Path(kernel.ensure(say).modules), say)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m fabric_lab.build", description="Build the lab's programs and images."
    )
    parser.add_argument(
        "target", nargs="*", help="component, image, binaries, images, all (default), extras or machines"
    )
    try:
        build(parser.parse_args().target)
    except LabError as error:
        print(f"build: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

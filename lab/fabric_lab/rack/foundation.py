"""What all machines of a lab are built on, a kernel and a disk: those it started with, for as long as it is up."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from fabric_lab import state
from fabric_lab.rack import image, kernel, kernel_build
from fabric_lab.rack.kernel import Kernel
from fabric_lab.rack.kernel_build import Progress
from fabric_lab.state import Lab

_RECORD = "foundation.json"


@dataclass(frozen=True)
class Foundation:
    kernel: Kernel
    disk: Path


def _read(directory: Path) -> Foundation | None:
    with contextlib.suppress(FileNotFoundError):
        data = json.loads((directory / _RECORD).read_text())
        settings = data["kernel"]
        found = Foundation(
            Kernel(settings["program"], settings["modules"], tuple(settings["arguments"])), Path(data["disk"])
        )
        return found if found.disk.exists() else None
    return None


def ensure(lab: Lab, progress: Progress) -> Foundation:
    """The lab's foundation, made when it is not there; what no lab uses any more is removed."""
    if (found := _read(lab.run_directory)) is not None:
        return found
    chosen = kernel.ensure(progress)
    made = Foundation(chosen, image.ensure(Path(chosen.modules), progress))
    (lab.run_directory / _RECORD).write_text(json.dumps({"kernel": asdict(chosen), "disk": str(made.disk)}))
    others = [_read(Path("/dev/shm") / f"fabric-{name}") for name in state.running_labs()]
    used = [made, *(other for other in others if other is not None)]
    image.prune({foundation.disk for foundation in used})
    kernel_build.prune({Path(foundation.kernel.program).parent for foundation in used})
    return made

"""What a lab costs: memory and disk, as printed beside the times."""

from __future__ import annotations

from pathlib import Path

from fabric_lab.run import run
from fabric_lab.state import Lab, cache_dir


def shared_memory(lab: Lab) -> int:
    """Bytes that the lab holds in /dev/shm: the memory of its virtual machines, and their disks."""
    return _used(lab.run_directory)


def disk() -> int:
    """Bytes of all caches on disk."""
    return _used(cache_dir())


def memory_in_use() -> int:
    """Bytes of memory that this machine cannot give to anybody else right now, in total."""
    fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    return (int(fields["MemTotal"].split()[0]) - int(fields["MemAvailable"].split()[0])) * 1024


def gibibytes(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"


def _used(directory: Path) -> int:
    """Blocks in use below a directory, each file once however many names it has."""
    # A running lab makes and removes files meanwhile: du then complains, and counts the rest all the same.
    return int(run(["sh", "-c", 'du -s --block-size=1 "$1" 2>/dev/null || true', "du", str(directory)]).split()[0])

"""What the supervisor is told about a process, and what it tells about it. Pure data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Restart = Literal["always", "on-reboot", "never"]
_RESTARTS = ("always", "on-reboot", "never")


@dataclass(frozen=True)
class ProcessSpec:
    """A process that a lab owns.

    ``restart``: ``always`` starts it again whenever it ends by itself, ``never`` leaves it ended, and ``on-reboot``
    starts it again only when the last lines of its log show ``reboot_marker`` (a virtual machine that rebooted).
    ``netns`` is the name of a network namespace; without it the process lives in the machine's own.
    """

    name: str
    argv: list[str]
    log: str
    env: dict[str, str] = field(default_factory=dict)
    cwd: str = "/"
    netns: str | None = None
    restart: Restart = "always"
    reboot_marker: str = ""
    stop_signal: str = "SIGTERM"
    stop_timeout: float = 10.0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ProcessSpec:
        unknown = set(data) - set(cls.__dataclass_fields__)
        if unknown:
            raise ValueError(f"unknown fields of a process: {', '.join(sorted(unknown))}")
        spec = cls(**data)
        if not spec.name or not spec.argv:
            raise ValueError("a process needs a name and an argv")
        if spec.restart not in _RESTARTS:
            raise ValueError(f"restart {spec.restart!r}: use one of {', '.join(_RESTARTS)}")
        return spec


@dataclass(frozen=True)
class ProcessStatus:
    """State of a process: running, waiting (about to be started again), stopped (on request) or ended (by itself)."""

    name: str
    state: Literal["running", "waiting", "stopped", "ended"]
    pid: int | None
    starts: int
    uptime: float
    exit_code: int | None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ProcessStatus:
        return cls(**data)


def restart_delay(quick_ends: int) -> float:
    """Seconds to wait before the next start, by how often in a row the process ended at once."""
    return float(min(0.2 * 2**quick_ends, 10.0))


def should_restart(spec: ProcessSpec, log_tail: bytes) -> bool:
    """Whether a process that ended by itself is started again."""
    if spec.restart == "on-reboot":
        return bool(spec.reboot_marker) and spec.reboot_marker.encode() in log_tail
    return spec.restart == "always"

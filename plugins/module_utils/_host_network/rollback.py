# SPDX-License-Identifier: Apache-2.0
"""The dead-man switch around a change of the bond, or of the bridge that takes over a NIC.

Before the change the previous file is put aside and a timer of systemd is armed that brings it back. The timer is only
disarmed by the next call of the module, over a new connection: being there proves that the server can be reached.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import Sequence

from .errors import HostNetworkError
from .system import System

DIRECTORY = "/var/lib/fabric-host-network"
_ARMED = DIRECTORY + "/armed"
_SAVED = _ARMED + "/saved.yaml"
_SCRIPT = _ARMED + "/roll-back"
_MARKER = DIRECTORY + "/rolled-back"
UNIT = "fabric-host-network-rollback"
_DEVICE, _FILE = "# device: ", "# file: "
_TOO_LATE = (
    "the change of this server's network was not confirmed in time and is being rolled back. Run again when it is done."
)


@dataclass(frozen=True)
class Pending:
    """A change that nobody has confirmed yet, and what became of one that nobody did confirm."""

    armed: bool
    rolled_back: str | None = None
    #: what the change is about; None where an earlier version of this collection has armed the switch
    device: str | None = None
    path: str | None = None

    def refuse_other(self, path: str) -> None:
        """There is one switch per server: who comes to change another file waits until it is disarmed."""
        if self.armed and self.path not in (None, path):
            raise HostNetworkError(
                f"an earlier change of {self.device} is not confirmed yet, and there can be one at a time. Run again"
                f" what changed {self.device}, or wait until the server has taken it back. Nothing was touched."
            )


def pending(system: System) -> Pending | None:
    armed = system.exists(_SCRIPT)
    rolled_back = system.read(_MARKER)
    if not armed and rolled_back is None:
        return None
    script = system.read(_SCRIPT) or ""
    return Pending(armed, rolled_back, _said(script, _DEVICE), _said(script, _FILE))


def warnings(found: Pending | None) -> list[str]:
    """What users must hear of a change that was made before."""
    if found is None or found.rolled_back is None:
        return []
    return [
        "an earlier change of this server's network was not confirmed and was rolled back by the server itself at"
        f" {found.rolled_back.strip()}"
    ]


def _said(script: str, what: str) -> str | None:
    found = re.search(f"^{what}(.+)$", script, re.MULTILINE)
    return found.group(1) if found else None


def roll_back_script(bond_file: str, saved: bool, bond: str, existed: bool, more: Sequence[str] = ()) -> str:
    """What brings the previous state back without help from anywhere.

    `more` are devices that are there because of the change alone.
    """
    target = shlex.quote(bond_file)
    restore = f"cp -p {_SAVED} {target}.fabric && mv {target}.fabric {target}" if saved else f"rm -f {target}"
    # networkd neither removes a device that it no longer knows nor changes the bonding mode of one that it has
    device = shlex.quote(bond)
    lines = [
        "#!/bin/sh",
        "# Brings back the previous configuration; armed before a change, disarmed when it is confirmed.",
        f"{_DEVICE}{bond}",
        f"{_FILE}{bond_file}",
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        "export PATH",
        restore,
        "netplan generate",
        _delete(device),
        *(_delete(shlex.quote(each)) for each in more),
        "netplan apply",
    ]
    if not existed and not saved:
        lines.append(_delete(device))
    lines += [f"date -u +%Y-%m-%dT%H:%M:%SZ > {_MARKER}", f"rm -rf {_ARMED}"]
    return "\n".join(lines) + "\n"


def _delete(device: str) -> str:
    return f"[ ! -e /sys/class/net/{device} ] || ip link delete dev {device}"


def arm(
    system: System,
    bond_file: str,
    previous: str | None,
    bond: str,
    existed: bool,
    seconds: int,
    more: Sequence[str] = (),
) -> None:
    """Put the previous state aside and start the timer; from here on the server helps itself.

    An earlier change that was killed before it was through has already put the good state aside: that one is kept.
    """
    if system.exists(_SCRIPT):
        system.attempt("systemctl", "stop", f"{UNIT}.timer")
        if _rolling_back(system):
            raise HostNetworkError(_TOO_LATE)
    else:
        system.remove(_SAVED)
        if previous is not None:
            system.write(_SAVED, previous, 0o600)
        system.write(_SCRIPT, roll_back_script(bond_file, previous is not None, bond, existed, more), 0o700)
    system.remove(_MARKER)
    # systemd refuses a name that it still remembers as failed
    system.attempt("systemctl", "reset-failed", f"{UNIT}.timer", f"{UNIT}.service")
    system.run(
        "systemd-run",
        "--quiet",
        f"--unit={UNIT}",
        f"--on-active={seconds}",
        "--timer-property=AccuracySec=1s",
        "/bin/sh",
        _SCRIPT,
    )


def disarm(system: System) -> None:
    """The change is good: stop the timer, unless it is already rolling back."""
    system.attempt("systemctl", "stop", f"{UNIT}.timer")
    if _rolling_back(system) or not system.exists(_SCRIPT):
        raise HostNetworkError(_TOO_LATE)
    forget(system)


def forget(system: System) -> None:
    for path in (_SCRIPT, _SAVED, _MARKER):
        system.remove(path)
    for directory in (_ARMED, DIRECTORY):
        system.remove_empty(directory)


def roll_back_now(system: System) -> None:
    system.attempt("systemctl", "stop", f"{UNIT}.timer")
    if not _rolling_back(system):
        system.run("/bin/sh", _SCRIPT)
    # the caller says what went wrong, so no later call has to
    forget(system)


def _rolling_back(system: System) -> bool:
    code, _output, _errors = system.attempt("systemctl", "is-active", "--quiet", f"{UNIT}.service")
    return code == 0

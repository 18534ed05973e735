# SPDX-License-Identifier: Apache-2.0
"""The dead-man switch around a change of the switch.

Before the change a process of the switch's own is started that takes it back. Only the next call of the module, over a
connection of its own, calls it off: being there proves that the switch can be reached. Everything of it lies in /run: a
switch that restarts meanwhile comes up with what was confirmed last.
"""

from __future__ import annotations

from typing import Sequence

from .._host_network.system import System
from .errors import SwitchError
from .render import DHCP_DIRECTORY, DIRECTORY, LOCK_FILE, script
from .steps import Line

ARMED = "/run/fabric-switch-armed"
_TOKEN = ARMED + "/token"
_STATE = ARMED + "/state.json"
_SCRIPT = ARMED + "/roll-back"
MARKER = "/run/fabric-switch-rolled-back"


def armed(system: System) -> str | None:
    """The token of a change that nobody has confirmed yet."""
    return system.read(_TOKEN)


def rolled_back(system: System) -> str | None:
    """When the last unconfirmed change was taken back, until it is told."""
    return system.read(MARKER)


def roll_back_script(undo: Sequence[Line], new_files: Sequence[str], token: str, seconds: int) -> str:
    """What takes the change back without help from anywhere. It holds the lock of the switch meanwhile."""
    files = "".join(f"rm -f '{path}'\n" for path in new_files)
    return f"""#!/bin/sh
# Takes a change of this switch's networks back; armed before it, called off when it is confirmed.
PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin
export PATH
case $1 in
    arm)
        # without it nothing would be left that takes the change back once the connection ends
        command -v setsid > /dev/null || {{ echo 'setsid (util-linux) is missing' >&2; exit 1; }}
        setsid /bin/sh "$0" wait < /dev/null > /dev/null 2>&1 &
        exit 0
        ;;
    wait) sleep {seconds} ;;
esac
if [ "$1" = wait ]; then
    exec 9> {LOCK_FILE}
    if command -v flock > /dev/null 2>&1; then flock 9; fi
fi
[ "$(cat {_TOKEN} 2> /dev/null)" = "{token}" ] || exit 0
{script(undo)}{files}rmdir {DHCP_DIRECTORY} {DIRECTORY} 2> /dev/null
if [ "$1" = wait ]; then date -u +%Y-%m-%dT%H:%M:%SZ > {MARKER}; fi
rm -rf {ARMED}
"""


def arm(system: System, undo: Sequence[Line], new_files: Sequence[str], state: str, token: str, seconds: int) -> None:
    """Start the clock; from here on the switch helps itself. SwitchError when it cannot, and nothing may be changed."""
    system.remove(MARKER)
    system.write(_STATE, state, 0o600)
    system.write(_SCRIPT, roll_back_script(undo, new_files, token, seconds), 0o700)
    system.write(_TOKEN, token, 0o600)
    code, output, errors = system.attempt("/bin/sh", system.path(_SCRIPT), "arm")
    if code != 0:
        forget(system)
        raise SwitchError(
            f"the switch cannot be made to take the change back by itself: {(errors or output).strip() or code}. No"
            " port was touched"
        )


def roll_back_now(system: System) -> None:
    """For who holds the lock and knows that the change failed; what went wrong, the caller says."""
    system.run("/bin/sh", system.path(_SCRIPT), "now")


def disarm(system: System, token: str) -> str:
    """The change is good: the record that it leads to. The clock finds nothing to take back when it ends."""
    if armed(system) != token:
        raise SwitchError(
            "the change was not confirmed in time and the switch has taken it back. Run again; if it happens again,"
            " set fabric_switch_rollback_timeout higher"
        )
    state = system.read(_STATE)
    forget(system)
    if state is None:
        raise SwitchError(f"{_STATE} is gone; run again")
    return state


def forget(system: System) -> None:
    for path in (_TOKEN, _STATE, _SCRIPT, MARKER):
        system.remove(path)
    system.remove_empty(ARMED)

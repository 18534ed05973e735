# SPDX-License-Identifier: Apache-2.0
"""What the modules that run on a server have in common."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from ansible.module_utils.basic import AnsibleModule

from .errors import HostNetworkError
from .system import System

#: Options of what may cut the server off; the documentation fragment host_guard tells of them.
GUARD_OPTIONS: dict[str, Any] = {
    "allow_connection_nics": {"type": "bool", "default": False},
    "management_peer": {"type": "str"},
    "rollback_timeout": {"type": "int", "default": 120},
    "carrier_timeout": {"type": "int", "default": 60},
    "require_carrier": {"type": "bool", "default": True},
    "detach_timeout": {"type": "int", "default": 30},
}


def system_of(module: AnsibleModule) -> System:
    """A program that is not there fails like one that ends with 127, as a shell has it."""

    def run_command(argv: Sequence[str]) -> tuple[int, str, str]:
        try:
            code, output, errors = module.run_command(list(argv), handle_exceptions=False)
        except OSError as error:
            return 127, "", str(error)
        return code, output, errors

    return System(run_command)


def answer(module: AnsibleModule, apply: Callable[[Mapping[str, Any], System, bool], dict[str, Any]]) -> None:
    """End the module with what `apply` did under the server's lock, or with what it failed for."""
    system = system_of(module)
    try:
        with system.lock(not module.check_mode):
            result = apply(module.params, system, module.check_mode)
    except HostNetworkError as error:
        module.fail_json(msg=str(error), **error.details)
    for warning in result.pop("warnings", []):
        module.warn(warning)
    module.exit_json(**result)

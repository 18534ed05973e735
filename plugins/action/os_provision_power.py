# SPDX-License-Identifier: Apache-2.0
"""Ask a BMC for a server's power, or wait for it and tell meanwhile how it is."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.baremetal.fabric.plugins.module_utils._os_provision import redfish
from ansible_collections.baremetal.fabric.plugins.plugin_utils.waiting import SLICE_SECONDS, within

_CONNECTION = ("baseuri", "username", "password", "validate_certs", "ca_path", "timeout")

display = Display()


class ActionModule(ActionBase):  # type: ignore[misc]
    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        variables = task_vars or {}
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        _validation, options = self.validate_argument_spec(
            argument_spec={
                "baseuri": {"type": "str", "required": True},
                "username": {"type": "str", "required": True},
                "password": {"type": "str", "required": True, "no_log": True},
                "validate_certs": {"type": "bool", "default": True},
                "ca_path": {"type": "path"},
                "timeout": {"type": "int", "default": 60},
                "system": {"type": "str"},
                "state": {"type": "str", "choices": ["On", "Off"]},
                "wait_timeout": {"type": "int", "default": 0},
                "poll": {"type": "int", "default": 5},
            }
        )
        server = str(variables.get("inventory_hostname", ""))
        asked = {key: options[key] for key in _CONNECTION if options[key] is not None}
        began = told = time.monotonic()
        while True:
            power, said = self._ask(asked, options["system"], variables)
            now = time.monotonic()
            left = began + options["wait_timeout"] - now
            if left <= 0 or (power and options["state"] in (None, power)):
                break
            if now - told >= SLICE_SECONDS:
                told = now
                display.display(f"  {server}: waiting for power {options['state']}, {left:.0f} s left: {said}")
            time.sleep(min(options["poll"], left))
        result.update(changed=False, power=power, elapsed=int(now - began))
        if not power or options["state"] not in (None, power):
            waited = within(options["wait_timeout"]) if options["state"] else ""
            wanted = f"did not report power {options['state']}" if options["state"] else "does not tell the power"
            result.update(failed=True, msg=f"{server}: its BMC at {options['baseuri']} {wanted}{waited}: {said}")
        return result

    def _ask(self, asked: Mapping[str, Any], system: str | None, variables: dict[str, Any]) -> tuple[str, str]:
        """The power, empty if it is not known, and what can be said of it."""
        answer = self._execute_module(
            module_name="community.general.redfish_info",
            module_args={**asked, "category": ["Systems"], "command": ["GetSystemInventory"]},
            task_vars=variables,
        )
        if answer.get("failed"):
            return "", str(answer.get("msg", "no answer")).strip()
        entries: Sequence[Any] = answer.get("redfish_facts", {}).get("system", {}).get("entries", [])
        try:
            found = redfish.power(entries, system)
        except ValueError as error:
            return "", str(error)
        return found, f"it is {found.lower()}"

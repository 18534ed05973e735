# SPDX-License-Identifier: Apache-2.0
"""Wait for a server's own system, and tell meanwhile what it says instead."""

from __future__ import annotations

import time
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.baremetal.fabric.plugins.module_utils._os_provision.files import MARK
from ansible_collections.baremetal.fabric.plugins.plugin_utils.waiting import SLICE_SECONDS, within

_PAUSE_SECONDS = 2

display = Display()


class ActionModule(ActionBase):  # type: ignore[misc]
    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        _validation, options = self.validate_argument_spec(
            argument_spec={
                "timeout": {"type": "int", "default": 0},
                "identity": {"type": "str"},
                "required": {"type": "bool", "default": True},
            }
        )
        server = str((task_vars or {}).get("inventory_hostname", ""))
        began = told = time.monotonic()
        while True:
            found, said = self._ask(options["identity"])
            now = time.monotonic()
            left = began + options["timeout"] - now
            if found is not None or left <= 0:
                break
            if now - told >= SLICE_SECONDS:
                told = now
                display.display(f"  {server}: waiting for its system, {left:.0f} s left: {said}")
            time.sleep(min(_PAUSE_SECONDS, left))
        result.update(changed=False, answers=found is not None, identity=found or "", said=said)
        if found is None and options["required"]:
            result.update(
                failed=True,
                msg=f"{server} did not answer as it should{within(options['timeout'])}: {said}",
            )
        return result

    def _ask(self, expected: str | None) -> tuple[str | None, str]:
        """The identity of the system that answers (empty if it has none), or nothing and what was said instead."""
        try:
            reset = getattr(self._connection, "reset", None)
            if reset:
                # a connection that is kept open may lead to a system that is not there any more
                reset()
            answer = self._low_level_execute_command(f"cat {MARK} 2>/dev/null || true", sudoable=False)
        except AnsibleError as error:
            return None, str(error).strip().splitlines()[-1]
        if answer.get("rc", 1) != 0:
            return None, str(answer.get("stderr") or answer.get("stdout") or "no answer").strip()[-200:]
        identity = str(answer.get("stdout", "")).strip()
        if expected is not None and identity != expected:
            return None, "another system than the new one answers"
        return identity, "it answers"

# SPDX-License-Identifier: Apache-2.0
"""Modules that work on a Kubernetes API, run inside Ansible instead of beside it.

A module is a program of its own, and this one's library takes longer to load than most of its work. Where it would run
on this machine with this very Python anyway, its function is called instead: Ansible loads this file before it forks,
so the library is loaded once for all tasks and hosts of a play. Anywhere else (another machine, another Python, another
user, an environment of its own, in the background) the module runs as modules do.
"""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import module as kube_module

#: What modules could not look at, in their results; a run that goes on must have said so.
NOT_CHECKED = "not_checked"

display = Display()

_MODULES = "ansible_collections.baremetal.fabric.plugins.modules"


@dataclass(frozen=True)
class Call:
    """What a module's function knows of its task."""

    params: dict[str, Any]
    check_mode: bool


class DirectAction(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """Runs the module of the same name."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        result.update(self._call(dict(self._task.args), task_vars or {}))
        return result

    def _call(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """What the module returns for these arguments."""
        result = self._call_here(arguments) if self._is_here(task_vars) else None
        if result is None:
            wait = {"wrap_async": True} if self._task.async_val else {}
            result = self._execute_module(module_args=arguments, task_vars=task_vars, **wait)
        for sentence in result.get(NOT_CHECKED) or []:
            display.warning(sentence)
        return result

    def _is_here(self, task_vars: dict[str, Any]) -> bool:
        local = self._connection.transport == "local" and not self._connection.become
        if not local or self._task.async_val or any(self._task.environment or []):
            return False
        name = self._task.delegate_to
        variables = task_vars.get("ansible_delegated_vars", {}).get(name, {}) if name else task_vars
        interpreter = self._templar.template(variables.get("ansible_python_interpreter") or "")
        return bool(interpreter == sys.executable)

    def _call_here(self, arguments: dict[str, Any]) -> dict[str, Any] | None:
        """Nothing if the module itself had better say what is wrong with its arguments."""
        module = importlib.import_module(f"{_MODULES}.{self._task.action.rpartition('.')[2]}")
        validator = ArgumentSpecValidator(module.argument_spec(), **getattr(module, "RULES", {}))
        try:
            # As a module gets them: text, without what Ansible knows about where each value came from.
            checked = validator.validate(json.loads(json.dumps(arguments)))
        except TypeError:
            return None
        if checked.error_messages:
            return None
        outcome = kube_module.outcome(Call(checked.validated_parameters, self._task.check_mode), module.work)
        # What a module returns goes through JSON, too, and is free of its secret arguments.
        shown: dict[str, Any] = remove_values(json.loads(json.dumps(outcome)), checked._no_log_values)
        return {"changed": False, **shown}

# SPDX-License-Identifier: Apache-2.0
"""Compare the intent with the present fabric; runs inside Ansible, so it costs no process."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.baremetal.fabric.plugins.module_utils._intent import IntentError, Model
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.capacity import capacity
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.fabric_rules import (
    check_fabric,
    missing_clusters,
)
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.model import LINUX_SWITCH, MANUAL, NETRIS
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.moves import intended, moves
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.summary import (
    absent_lines,
    host_lines,
    present_lines,
)
from ansible_collections.baremetal.fabric.plugins.module_utils._netris import document as netris
from ansible_collections.baremetal.fabric.plugins.module_utils._switch import document as switch
from ansible_collections.baremetal.fabric.plugins.plugin_utils.inventory_intent import failure, model_of

# Whose words the plan is in: each reads the present and writes documents by functions of the same names.
_PROVIDERS: dict[str, Any] = {NETRIS: netris, LINUX_SWITCH: switch, MANUAL: switch}


class ActionModule(ActionBase):  # type: ignore[misc]
    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        _validation, options = self.validate_argument_spec(
            argument_spec={
                "info": {"type": "dict", "required": True},
                "tenant_clusters": {"type": "list", "elements": "str", "default": []},
                "host_cluster": {"type": "bool", "default": False},
                "servers": {"type": "list", "elements": "str"},
                "target": {"type": "str"},
                "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            },
            mutually_exclusive=[("tenant_clusters", "host_cluster", "servers")],
        )
        try:
            model = model_of(task_vars or {})
            result.update(changed=False, **_plan(model, options))
        except IntentError as error:
            return failure(result, error)
        return result


def _plan(model: Model, options: dict[str, Any]) -> dict[str, Any]:
    provider = _PROVIDERS[model.fabric.provider]
    observed = provider.observe(model, options["info"])
    if options["servers"] is not None:
        return _plan_moves(provider, model, observed, options)
    names: list[str] = options["tenant_clusters"]
    if options["state"] == "absent":
        return {
            "document": provider.absent_document(model, names, observed),
            "summary": absent_lines(model, observed, names),
            "capacity": capacity(model, observed).as_dict(),
        }
    problems = check_fabric(model, observed, names, host_cluster=options["host_cluster"])
    if problems:
        raise IntentError(problems)
    left = capacity(model, observed).after(len(missing_clusters(model, observed, names)))
    if options["host_cluster"]:
        document, summary = provider.host_document(model, observed), host_lines(model, observed)
    else:
        document = provider.present_document(model, observed, names)
        summary = present_lines(model, observed, names, left)
    return {"document": document, "summary": summary, "capacity": left.as_dict()}


def _plan_moves(provider: Any, model: Model, observed: Any, options: dict[str, Any]) -> dict[str, Any]:
    targets = intended(model, options["servers"])
    if options["target"] is not None:
        targets = dict.fromkeys(targets, options["target"])
    found = moves(model, observed, targets)
    documents = [provider.membership_document(model, observed, each.server, each.target) for each in found]
    return {
        "moves": {each.server: each.as_dict() for each in found},
        "summary": [str(each) for each in found],
        # Several servers at once would have to share entries of one cluster; they are moved one by one.
        "document": documents[0] if len(documents) == 1 else {},
    }

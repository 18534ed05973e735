# SPDX-License-Identifier: Apache-2.0
"""Check the inventory's intent and hand it out as one model; runs inside Ansible, so it costs no process."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.baremetal.fabric.plugins.module_utils._intent import IntentError
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.targets import (
    check_unreachable,
    select,
    select_any_servers,
    select_servers,
)
from ansible_collections.baremetal.fabric.plugins.plugin_utils.inventory_intent import failure, model_of, names


class ActionModule(ActionBase):  # type: ignore[misc]
    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        task_vars = task_vars or {}
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        _validation, options = self.validate_argument_spec(
            argument_spec={
                "tenant_clusters": {"type": "raw", "default": []},
                "variable": {"type": "str", "default": "fabric_tenants"},
                "all_by_default": {"type": "bool", "default": True},
                "host_cluster": {"type": "bool", "default": False},
                "servers": {"type": "raw"},
                "servers_variable": {"type": "str", "default": "fabric_server"},
                "any_server": {"type": "bool", "default": False},
                "unreachable": {"type": "raw", "default": []},
                "play_hosts": {"type": "list", "elements": "str"},
            }
        )
        try:
            model = model_of(task_vars)
            play_hosts = options["play_hosts"]
            if play_hosts is None:
                play_hosts = _every_host(model)
            unreachable = names(options["unreachable"])
            check_unreachable(model, unreachable)
            if options["servers"] is not None:
                choose = select_any_servers if options["any_server"] else select_servers
                targets = choose(model, names(options["servers"]), play_hosts, options["servers_variable"])
            else:
                targets = select(
                    model,
                    names(options["tenant_clusters"]),
                    play_hosts=play_hosts,
                    variable=options["variable"],
                    all_by_default=options["all_by_default"],
                    host_cluster=options["host_cluster"],
                )
            targets = replace(targets, unreachable=unreachable)
        except IntentError as error:
            return failure(result, error)
        result.update(changed=False, model=model.as_dict(), targets=targets.as_dict())
        return result


def _every_host(model: Any) -> list[str]:
    return [*model.all_tenant_clusters, *model.shared_servers, *model.bare_metal, *model.vm_nodes]

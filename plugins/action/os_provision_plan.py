# SPDX-License-Identifier: Apache-2.0
"""Decide what is to be done with a server; runs inside Ansible, which alone knows where a variable comes from."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import identity
from ansible_collections.baremetal.fabric.plugins.module_utils._os_provision import judgement
from ansible_collections.baremetal.fabric.plugins.module_utils._os_provision.judgement import Look, Node
from ansible_collections.baremetal.fabric.plugins.plugin_utils import host_values


def _nodes(options: dict[str, Any]) -> list[Node]:
    """Those that are the server by their UUID, and those of its name."""
    found = [
        Node(
            str(each["cluster"]),
            str(each["name"]),
            bool(each["ready"]),
            identity.is_same_system(str(each.get("system_uuid") or ""), options["system_uuid"] or ""),
        )
        for each in options["nodes"]
    ]
    return [node for node in found if node.same or node.name == options["node_name"]]


class ActionModule(ActionBase):  # type: ignore[misc]
    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        variables = task_vars or {}
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        _validation, options = self.validate_argument_spec(
            argument_spec={
                "provider": {"type": "str", "required": True, "choices": ["existing", "redfish"]},
                "answers": {"type": "bool", "required": True},
                "power": {"type": "str", "default": ""},
                "reinstall": {"type": "list", "elements": "str", "default": []},
                "node_name": {"type": "str", "required": True},
                "system_uuid": {"type": "str"},
                "nodes": {"type": "list", "elements": "dict", "default": []},
                "unknown": {"type": "list", "elements": "str", "default": []},
                "clusters_asked": {"type": "bool", "default": False},
            }
        )
        server = str(variables["inventory_hostname"])
        own = host_values.of_host(self._task.get_variable_manager(), self._loader, server)
        verdict = judgement.judge(
            Look(
                server=server,
                provider=options["provider"],
                answers=options["answers"],
                power=options["power"],
                # as it is written: text such as "true" or a template is no consent
                consent=own.get(judgement.WIPE) is True,
                consent_elsewhere=bool(self._templar.template(variables.get(judgement.WIPE, False))),
                asked=server in options["reinstall"],
                nodes=_nodes(options),
                unknown=options["unknown"],
                clusters_asked=options["clusters_asked"],
            )
        )
        result.update(changed=False, action=verdict.action, reason=verdict.reason, refusals=list(verdict.refusals))
        if verdict.refusals:
            lines = "\n".join(f"  - {each}" for each in verdict.refusals)
            result.update(failed=True, msg=f"{server} is not installed, nothing was touched:\n{lines}")
        return result

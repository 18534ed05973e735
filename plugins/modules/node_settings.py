#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: node_settings
short_description: Settings of a node's kubelet and container runtime
version_added: 0.1.0
description:
  - Brings what the inventory says of a node's kubelet and of its proxy to a server that has joined already, and
    restarts what it concerns if that changed something. M(baremetal.fabric.node_join) does the same at the join.
  - Pods go on while the kubelet and the container runtime restart. If the kubelet does not stay up with the new
    settings it gets the former ones back.
  - Runs on the server, with Python 3.8 or later and nothing else.
extends_documentation_fragment:
  - baremetal.fabric.node_settings
attributes:
  check_mode:
    support: full
    description: Only tells what would be changed.
  diff_mode:
    support: none
    description: What would be changed is in RV(settings). A proxy's URL may hold a password and is not shown.
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: More pods for this server
  baremetal.fabric.node_settings:
    kubelet_arguments: [--node-status-update-frequency=5s]
    kubelet_config:
      maxPods: 250
"""

RETURN = r"""
settings:
  description: What was, or would be, changed, in words.
  type: list
  elements: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._node import settings, state
from ansible_collections.baremetal.fabric.plugins.module_utils._node.system import System, tail


def main() -> None:
    module = AnsibleModule(settings.options(), supports_check_mode=True)
    system = System()
    wanted = settings.of_params(module.params)
    changed = settings.differing(system, wanted)
    if changed and not module.check_mode:
        before = settings.snapshot(system)
        settings.apply(system, wanted)
        settings.restart(system, changed)
        if not state.kubelet_stays(system):
            log = tail(state.kubelet_log(system, 30), 30)
            settings.restore(system, before)
            settings.restart(system, changed)
            module.fail_json(
                msg=f"the kubelet does not run with these settings ({', '.join(changed)}); the former ones are back. "
                f"Its log ended with\n{log}",
                settings=changed,
            )
    module.exit_json(changed=bool(changed), settings=changed)


if __name__ == "__main__":
    main()

#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: node_join_info
short_description: Tell whether a server is a node, and of which cluster
version_added: 0.1.0
description:
  - Looks at the kubelet of the server, at whom it reports to, and at whether an earlier join was interrupted.
  - Runs on the server, with Python 3.8 or later and nothing else.
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode.
options:
  endpoint:
    description: API endpoint, C(address:port), that the server is expected to report to.
    type: str
  log_lines:
    description: How many lines of the kubelet's log to return.
    type: int
    default: 0
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Is this server a node already?
  baremetal.fabric.node_join_info:
    endpoint: 192.168.67.253:443
  register: node_state
"""

RETURN = r"""
joined:
  description: Whether the kubelet runs, reports to the endpoint, and no join was interrupted.
  type: bool
  returned: success
kubelet_active:
  description: Whether the kubelet runs.
  type: bool
  returned: success
server:
  description: The API server that the kubelet reports to.
  type: str
  returned: success
interrupted:
  description: Whether an earlier join did not end.
  type: bool
  returned: success
foreign:
  description: Whether the server is the node of another cluster than that of O(endpoint).
  type: bool
  returned: success
remains:
  description: What of a node is on the server.
  type: list
  elements: str
  returned: success
script_kept:
  description: Whether a copy of the join script was kept for the reset.
  type: bool
  returned: success
kubelet_log:
  description: The end of the kubelet's log.
  type: str
  returned: with O(log_lines)
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._node import reset, script, state
from ansible_collections.baremetal.fabric.plugins.module_utils._node.system import System


def main() -> None:
    spec = {"endpoint": {"type": "str"}, "log_lines": {"type": "int", "default": 0}}
    module = AnsibleModule(spec, supports_check_mode=True)
    system = System()
    result = state.observe(system, module.params["endpoint"])
    result["remains"] = reset.remains(system)
    result["script_kept"] = script.kept(system) is not None
    if module.params["log_lines"]:
        result["kubelet_log"] = state.kubelet_log(system, module.params["log_lines"])
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()

#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: node_reset
short_description: Make a node a plain server again
version_added: 0.1.0
description:
  - Runs the join script with C(--reset-only) and then removes what is left of the node, which is the kubelet's state
    and certificates, containers and their network namespaces, mounts, CNI configuration and interfaces, packet filter
    rules of kube-proxy and CNI plugins, and the settings that M(baremetal.fabric.node_join) wrote.
  - What is not wiped (container images, data of local volumes, logs, keys) is named in RV(not_wiped).
  - The script is fetched as in M(baremetal.fabric.node_join) when O(endpoint), O(ca) and O(token) are given and the
    endpoint answers. Otherwise the copy of the join is used, and without one C(kubeadm reset), if there is a kubeadm.
  - Fails if anything of the node is still there in the end.
  - Runs on the server, with Python 3.8 or later and nothing else.
attributes:
  check_mode:
    support: full
    description: Only tells what would be removed.
  diff_mode:
    support: none
    description: What would be removed is in RV(removed).
options:
  endpoint:
    description: API endpoint of the tenant cluster, C(address:port).
    type: str
  ca:
    description: Certificate authority of the tenant cluster, PEM.
    type: str
  token:
    description: Join token.
    type: str
  timeout:
    description: Seconds that the script may take.
    type: int
    default: 300
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Make it a plain server again
  baremetal.fabric.node_reset:
"""

RETURN = r"""
removed:
  description: What there was of a node.
  type: list
  elements: str
  returned: success
script:
  description: Which script did the first part.
  type: str
  returned: when something was removed
output:
  description: The end of what it said.
  type: str
  returned: when something was removed
not_wiped:
  description: What the reset leaves on the server, in words.
  type: list
  elements: str
  returned: always
fetch_error:
  description: Why the script was not fetched although that was asked for.
  type: str
  returned: when something was removed
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._node import reset, script
from ansible_collections.baremetal.fabric.plugins.module_utils._node.system import System


def main() -> None:
    spec = {
        "endpoint": {"type": "str"},
        "ca": {"type": "str"},
        "token": {"type": "str", "no_log": True},
        "timeout": {"type": "int", "default": 300},
    }
    together = [("endpoint", "ca", "token")]
    module = AnsibleModule(spec, supports_check_mode=True, required_together=together)
    params = module.params
    system = System()
    there = reset.remains(system)
    if not there or module.check_mode:
        module.exit_json(changed=bool(there), removed=there, not_wiped=reset.not_wiped(system))
    fetched, fetch_error = None, ""
    if params["token"]:
        try:
            fetched = script.fetch(params["endpoint"], params["ca"], params["token"], 30)
        except script.ScriptError as error:
            fetch_error = str(error)  # the control plane may be gone: that is what the kept copy is for
    try:
        result = reset.reset(system, fetched, params["timeout"])
    except reset.ResetError as error:
        module.fail_json(msg=str(error), removed=there, fetch_error=fetch_error)
    module.exit_json(changed=True, removed=there, fetch_error=fetch_error, **result)


if __name__ == "__main__":
    main()

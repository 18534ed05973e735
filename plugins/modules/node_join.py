#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: node_join
short_description: Make a server a node of a tenant cluster
version_added: 0.1.0
description:
  - Fetches the join script from the tenant cluster's API endpoint, with the endpoint's certificate verified against
    the given CA, and runs it from a file that only root can read and that is removed afterwards.
  - The token appears in no argument list, output or log. A copy of the script without it is kept for the reset.
  - A server whose kubelet runs, reports to the endpoint, and was joined without interruption is left alone.
  - Runs on the server, with Python 3.8 or later and nothing else.
extends_documentation_fragment:
  - baremetal.fabric.node_settings
attributes:
  check_mode:
    support: full
    description: Only tells whether the server would join.
  diff_mode:
    support: none
    description: What the join script does is not known before.
options:
  endpoint:
    description: API endpoint of the tenant cluster, C(address:port).
    type: str
    required: true
  ca:
    description: Certificate authority of the tenant cluster, PEM. Not needed in check mode.
    type: str
  token:
    description: Join token. Not needed in check mode.
    type: str
  node_name:
    description: Name under which the server registers.
    type: str
    required: true
  node_ip:
    description: Address under which the server registers.
    type: str
  arguments:
    description: More arguments for the script or for C(kubeadm join), for instance C(--kubernetes-version).
    type: list
    elements: str
    default: []
  force:
    description:
      - Join anew although the server is a node already, of this tenant cluster or of another one. What runs on it is
        lost.
    type: bool
    default: false
  tenant:
    description:
      - Name of the tenant cluster, noted on the server. A server that has noted another one is a node of that, even if
        the endpoints are the same, as they can be where subnets overlap.
    type: str
  way:
    description:
      - V(script) runs what the tenant cluster's API serves as its join script, as vCluster does.
      - V(kubeadm) runs C(kubeadm join) with programs that are on the server already. The certificate authority and the
        token are in a discovery file that only root can read and that is removed afterwards.
    type: str
    choices: [script, kubeadm]
    default: script
  timeout:
    description: Seconds that the script may take.
    type: int
    default: 900
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Join blue
  baremetal.fabric.node_join:
    endpoint: 192.168.67.253:443
    ca: "{{ access.ca }}"
    token: "{{ join_token.token }}"
    node_name: metal1
    node_ip: 192.168.64.9
"""

RETURN = r"""
script_sha256:
  description: Checksum of the script that was run.
  type: str
  returned: when it was run
arguments:
  description: Its arguments.
  type: list
  elements: str
  returned: when it was run
output:
  description: The end of what it said.
  type: str
  returned: when it was run
before:
  description: What the server was before.
  type: dict
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._node import join, script, settings, state
from ansible_collections.baremetal.fabric.plugins.module_utils._node.system import System


def main() -> None:
    spec = {
        "endpoint": {"type": "str", "required": True},
        "ca": {"type": "str"},
        "token": {"type": "str", "no_log": True},
        "node_name": {"type": "str", "required": True},
        "node_ip": {"type": "str"},
        "arguments": {"type": "list", "elements": "str", "default": []},
        "force": {"type": "bool", "default": False},
        "tenant": {"type": "str"},
        "way": {"type": "str", "choices": ["script", "kubeadm"], "default": "script"},
        "timeout": {"type": "int", "default": 900},
        **settings.options(),
    }
    module = AnsibleModule(spec, supports_check_mode=True)
    params = module.params
    system = System()
    before = state.observe(system, params["endpoint"], params["tenant"])
    if before["joined"] and not params["force"]:
        module.exit_json(changed=False, before=before)
    if module.check_mode:
        module.exit_json(changed=True, before=before)
    missing = [name for name in ("ca", "token") if not params[name]]
    if missing:
        module.fail_json(msg="missing required arguments: " + ", ".join(missing))
    request = join.Request(
        endpoint=params["endpoint"],
        ca=params["ca"],
        token=params["token"],
        node_name=params["node_name"],
        node_ip=params["node_ip"],
        arguments=params["arguments"],
        force=params["force"],
        timeout=params["timeout"],
        tenant=params["tenant"],
        settings=settings.of_params(params),
        way=params["way"],
    )
    try:
        result = join.join(system, request)
    except (join.JoinError, script.ScriptError) as error:
        module.fail_json(msg=str(error), before=before)
    module.exit_json(changed=True, before=before, **result)


if __name__ == "__main__":
    main()

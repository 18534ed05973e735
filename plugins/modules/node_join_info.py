#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: node_join_info
short_description: Tell whether a server is a node, and of which cluster
version_added: 0.1.0
description:
  - Looks at the kubelet of the server, at whom it reports to, and at whether an earlier join was interrupted.
  - Tries the registries that a join needs, if the server has not joined yet.
  - Runs on the server, with Python 3.8 or later and nothing else.
extends_documentation_fragment:
  - baremetal.fabric.node_settings
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode.
options:
  endpoint:
    description: API endpoint, C(address:port), that the server is expected to report to.
    type: str
  tenant:
    description:
      - Name of the tenant cluster, noted on the server. A server that has noted another one is a node of that, even if
        the endpoints are the same, as they can be where subnets overlap.
    type: str
  registries:
    description:
      - Registries and mirrors, each a host or a URL, that are tried from the server, through O(proxy) and with
        certificates verified. A server that has joined already does not try them.
    type: list
    elements: str
    default: []
  registry_timeout:
    description: Seconds that each of them may take. All are tried at the same time.
    type: int
    default: 10
  registry_ca_file:
    description: File on the server with certificate authorities that are trusted besides the system's.
    type: path
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
tenant:
  description: The tenant cluster that the last join was to, if that was noted.
  type: str
  returned: success
settings_differ:
  description: Which of O(kubelet_arguments), O(kubelet_config) and O(proxy) are not in force, in words.
  type: list
  elements: str
  returned: success
registries:
  description: How each of O(registries) answered.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: As it was given.
      type: str
    url:
      description: What was asked for.
      type: str
    reason:
      description: Why it is of no use; empty if it answered.
      type: str
unreachable:
  description: Sentence with all registries that did not answer and with what helps; empty if all did.
  type: str
  returned: success
refusal:
  description: Why the server cannot join the cluster of O(endpoint), if it is the node of another one; empty otherwise.
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
machine:
  description: What tells the server from others; empty where it is not known.
  type: dict
  returned: success
  contains:
    system_uuid:
      description: UUID of its board.
      type: str
    machine_id:
      description: Machine id of its system.
      type: str
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
from ansible_collections.baremetal.fabric.plugins.module_utils._node import (
    join,
    registries,
    reset,
    script,
    settings,
    state,
)
from ansible_collections.baremetal.fabric.plugins.module_utils._node.system import System


def main() -> None:
    spec = {
        "endpoint": {"type": "str"},
        "tenant": {"type": "str"},
        "registries": {"type": "list", "elements": "str", "default": []},
        "registry_timeout": {"type": "int", "default": 10},
        "registry_ca_file": {"type": "path"},
        "log_lines": {"type": "int", "default": 0},
        **settings.options(),
    }
    module = AnsibleModule(spec, supports_check_mode=True)
    params = module.params
    system = System()
    wanted = settings.of_params(params)
    result = state.observe(system, params["endpoint"], params["tenant"])
    result["refusal"] = join.foreign_sentence(result) if result["foreign"] else ""
    result["machine"] = state.machine(system)
    result["remains"] = reset.remains(system)
    result["script_kept"] = script.kept(system) is not None
    result["settings_differ"] = settings.differing(system, wanted)
    names = [] if result["joined"] else params["registries"]
    try:
        trials = registries.try_all(names, wanted.proxy, params["registry_timeout"], params["registry_ca_file"])
    except OSError as error:
        module.fail_json(msg=f"registry_ca_file {params['registry_ca_file']}: {error}")
    result["registries"] = [trial._asdict() for trial in trials]
    result["unreachable"] = registries.sentence(trials)
    if params["log_lines"]:
        result["kubelet_log"] = state.kubelet_log(system, params["log_lines"])
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()

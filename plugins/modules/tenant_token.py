#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: tenant_token
short_description: Make and withdraw join tokens of a tenant cluster
version_added: 0.1.0
description:
  - Makes a short-lived bootstrap token in a tenant cluster, or withdraws what was made for a node.
  - Every call with O(state=present) makes a new token. Withdraw it as soon as the node has joined.
extends_documentation_fragment:
  - baremetal.fabric.kube
  - baremetal.fabric.kube.tenant_required
attributes:
  check_mode:
    support: full
    description: No token is made or withdrawn, and RV(token) is null.
  diff_mode:
    support: none
    description: A token is a secret.
options:
  state:
    description: Make a token, or withdraw all that this module has made for the node.
    type: str
    choices: [present, absent]
    default: present
  node:
    description: Name of the node that the token is for.
    type: str
    required: true
  lifetime:
    description: Seconds after which the token is void even if nobody withdraws it.
    type: int
    default: 900
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Make a token for metal1
  baremetal.fabric.tenant_token:
    kubeconfig: /etc/fabric/host.kubeconfig
    tenant:
      name: blue
    node: metal1
  no_log: true
  register: join_token

- name: Withdraw it
  baremetal.fabric.tenant_token:
    kubeconfig: /etc/fabric/host.kubeconfig
    tenant:
      name: blue
    node: metal1
    state: absent
"""

RETURN = r"""
token:
  description: The token. Set C(no_log) on the task.
  type: str
  returned: with O(state=present)
token_id:
  description: Its id, which is no secret.
  type: str
  returned: with O(state=present)
expires:
  description: When it becomes void, UTC.
  type: str
  returned: with O(state=present)
revoked:
  description: Ids of the tokens that were withdrawn, or would be.
  type: list
  elements: str
  returned: with O(state=absent)
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import module as kube_module
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import tokens
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import KubeError


def argument_spec() -> dict[str, Any]:
    options = kube_module.connection_options()
    options["tenant"]["required"] = True
    return {
        **options,
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "node": {"type": "str", "required": True},
        "lifetime": {"type": "int", "default": 900},
    }


def work(module: kube_module.Call) -> dict[str, Any]:
    params = module.params
    if params["lifetime"] <= 0:
        raise KubeError("lifetime must be positive: a token that is never void is none that we make")
    if params["state"] == "absent":
        return kube_module.unless_missing(lambda: _revoke(module), module, lambda _: {"changed": False, "revoked": []})
    if module.check_mode:
        return {"changed": True, "token": None, "token_id": None, "expires": None}
    with kube_module.open_cluster(params) as tenant:
        token = tokens.create(tenant, params["node"], params["lifetime"])
    return {
        "changed": True,
        "token": token.text,
        "token_id": token.identifier,
        "expires": token.expires.isoformat(timespec="seconds"),
    }


def _revoke(module: kube_module.Call) -> dict[str, Any]:
    with kube_module.open_cluster(module.params) as tenant:
        found = tokens.tokens_of(tenant, module.params["node"])
        revoked = tokens.revoke(tenant, found, dry_run=module.check_mode)
    return {"changed": bool(revoked), "revoked": revoked}


def main() -> None:
    kube_module.run(AnsibleModule(argument_spec(), supports_check_mode=True), work)


if __name__ == "__main__":
    main()

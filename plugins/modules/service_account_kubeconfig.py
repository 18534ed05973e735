#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: service_account_kubeconfig
short_description: A kubeconfig with a token of a ServiceAccount that ends
version_added: 0.1.0
description:
  - Asks the API for a token of a ServiceAccount and writes a kubeconfig with it that nobody else can read. What it may
    do is what is bound to the ServiceAccount.
  - A kubeconfig that is there stays as long as its token is good for a while and its ServiceAccount, address and
    certificate authority are the same.
  - Deleting the ServiceAccount makes all of its tokens void at once.
  - Runs on the machine that runs Ansible.
extends_documentation_fragment:
  - baremetal.fabric.kube
attributes:
  check_mode:
    support: full
    description: Only tells what would be done.
  diff_mode:
    support: full
    description: Shows what is done in words. The file holds a token and is not shown.
options:
  namespace:
    description: Namespace of the ServiceAccount, and the one that the kubeconfig's context names.
    type: str
    required: true
  name:
    description: Name of the ServiceAccount, which must exist for O(state=present).
    type: str
    required: true
  state:
    description: Whether the file shall exist. V(absent) asks nothing of the API, and the token goes on until it ends.
    type: str
    choices: [present, absent]
    default: present
  expires:
    description: Seconds after which the token ends, 600 at least. The API server may make it fewer.
    type: int
    default: 2592000
  renew_before:
    description:
      - Make a new one if less than this many seconds are left. By default a third of the life that it was given.
    type: int
  server:
    description: URL by which the kubeconfig's user reaches the API. By default that of O(kubeconfig).
    type: str
  path:
    description:
      - The file. Its directory is made with mode 0700 if it does not exist.
      - A file with anything else than the ServiceAccount's own context is neither written nor removed.
    type: path
    required: true
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Credentials for the plays of tenant cluster blue, for a week
  baremetal.fabric.service_account_kubeconfig:
    kubeconfig: /etc/fabric/host.kubeconfig
    namespace: vcluster-blue
    name: baremetal-fabric
    expires: 604800
    path: /etc/fabric/host-blue.kubeconfig

- name: Remove the file
  baremetal.fabric.service_account_kubeconfig:
    kubeconfig: /etc/fabric/host.kubeconfig
    namespace: vcluster-blue
    name: baremetal-fabric
    state: absent
    path: /etc/fabric/host-blue.kubeconfig
"""

RETURN = r"""
expires:
  description: When the token ends, UTC.
  type: str
  returned: when there is one
actions:
  description: What was, or would be, done, in words.
  type: list
  elements: str
  returned: success
"""

import datetime
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import client, kubeconfigs, service_accounts
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import module as kube_module
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import KubeError


def argument_spec() -> dict[str, Any]:
    return {
        **kube_module.host_options(),
        "namespace": {"type": "str", "required": True},
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "expires": {"type": "int", "default": 2592000},
        "renew_before": {"type": "int", "no_log": False},
        "server": {"type": "str"},
        "path": {"type": "path", "required": True},
    }


def bring(cluster: Cluster, params: dict[str, Any], text: str | None, dry_run: bool) -> dict[str, Any]:
    """`text` is the file as it is, None if there is none."""
    namespace, name, path = params["namespace"], params["name"], Path(params["path"])
    account = cluster.get("v1", "ServiceAccount", name, namespace)
    if account is None:
        if not dry_run:
            raise KubeError(f"there is no ServiceAccount {namespace}/{name}")
        return kubeconfigs.told([f"kubeconfig {path} made once ServiceAccount {namespace}/{name} is there"])
    endpoint = service_accounts.endpoint_of(cluster, params["server"])
    reason = "there is none" if text is None else stale_because(text, account, endpoint, params)
    if text is not None and not reason:
        closed = kubeconfigs.write(path.parent, {path.name: text}, dry_run=dry_run)
        ends = service_accounts.expiry(text).isoformat(timespec="seconds")
        return {**kubeconfigs.told([f"kubeconfig {path} closed to others"] if closed else []), "expires": ends}
    actions = [f"kubeconfig {path} made: {reason}"]
    if dry_run:
        return kubeconfigs.told(actions)
    asked = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=params["expires"])
    token = service_accounts.request_token(cluster, namespace, name, params["expires"])
    kubeconfigs.write(path.parent, {path.name: service_accounts.kubeconfig(namespace, name, endpoint, token.text)})
    if token.expires < asked - datetime.timedelta(minutes=1):
        actions.append(f"the API server has it end already at {token.expires:%Y-%m-%d %H:%M} UTC")
    return {**kubeconfigs.told(actions), "expires": token.expires.isoformat(timespec="seconds")}


def stale_because(text: str, account: dict[str, Any], endpoint: Any, params: dict[str, Any]) -> str:
    now = datetime.datetime.now(datetime.UTC)
    return service_accounts.stale_because(text, account, endpoint, now, params["renew_before"])


def work(module: kube_module.Call) -> dict[str, Any]:
    params, path = module.params, Path(module.params["path"])
    context = service_accounts.context_of(params["namespace"], params["name"])
    if params["state"] == "absent":
        return kubeconfigs.told(kubeconfigs.remove(path, context, dry_run=module.check_mode))
    text = kubeconfigs.own(path, context)
    if params["expires"] < service_accounts.MINIMUM_SECONDS:
        raise KubeError(
            f"expires {params['expires']}: the API gives tokens for {service_accounts.MINIMUM_SECONDS} seconds at least"
        )

    def ask() -> dict[str, Any]:
        with client.connect(params["kubeconfig"], params["context"]) as cluster:
            return bring(cluster, params, text, module.check_mode)

    return kube_module.unless_missing(
        ask,
        module,
        lambda reason: kubeconfigs.told([f"kubeconfig {params['path']} made once there is an API: {reason}"]),
    )


def main() -> None:
    kube_module.run(AnsibleModule(argument_spec(), supports_check_mode=True), work)


if __name__ == "__main__":
    main()

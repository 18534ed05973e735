#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: tenant_access
short_description: Wait for a tenant cluster's API and tell how to reach it
version_added: 0.1.0
description:
  - Reaches the API of a tenant cluster by a port-forward through the host cluster, with its certificate verified, and
    waits until it says of itself that it is ready.
  - Returns the certificate authority and, if asked, the administrator's kubeconfig. Nothing is changed.
extends_documentation_fragment:
  - baremetal.fabric.kube
  - baremetal.fabric.kube.tenant_required
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode. In check mode a tenant cluster that does not exist yet is not ready.
options:
  wait:
    description: Wait until the API is ready. Otherwise only look.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait.
    type: int
    default: 300
  with_kubeconfig:
    description:
      - Return the kubeconfig, which holds a private key. Set C(no_log) on the task.
    type: bool
    default: false
  forward_port:
    description:
      - Local port that RV(kubeconfig_forwarded) is made for. It serves whoever is on no tenant VLAN and forwards that
        port to the control plane's Service.
    type: int
    default: 8443
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Wait for the API of blue
  baremetal.fabric.tenant_access:
    kubeconfig: /etc/fabric/host.kubeconfig
    tenant:
      name: blue
      server_name: 192.168.67.253
"""

RETURN = r"""
ready:
  description: Whether the API answers, with the right certificate, that it is ready.
  type: bool
  returned: success
reason:
  description: Why it is not.
  type: str
  returned: success
ca:
  description: The certificate authority of the tenant cluster, PEM.
  type: str
  returned: when the tenant cluster has one
server:
  description: Where its nodes reach it.
  type: str
  returned: when the tenant cluster has one
version:
  description: Version of the API server.
  type: str
  returned: when ready
kubeconfig_text:
  description: The administrator's kubeconfig, with the VIP as server.
  type: str
  returned: when O(with_kubeconfig) is set
kubeconfig_forwarded:
  description: The same for use with a port-forward on O(forward_port).
  type: str
  returned: when O(with_kubeconfig) is set
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import client, tenant_api
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import module as kube_module
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import Unreachable, WaitTimeout


def argument_spec() -> dict[str, Any]:
    options = kube_module.connection_options()
    options["tenant"]["required"] = True
    return {
        **options,
        "wait": {"type": "bool", "default": True},
        "wait_timeout": {"type": "int", "default": 300},
        "with_kubeconfig": {"type": "bool", "default": False},
        "forward_port": {"type": "int", "default": 8443},
    }


def look(params: dict[str, Any]) -> dict[str, Any]:
    """One look: what there is, whether it is ready and, if not, why not."""
    tenant = params["tenant"]
    result: dict[str, Any] = {"changed": False, "ready": False, "reason": ""}
    try:
        with client.connect(params["kubeconfig"], params["context"]) as host:
            access = tenant_api.read_access(host, tenant["name"], tenant["namespace"])
        result.update({"ca": access.ca, "server": access.server})
        if params["with_kubeconfig"]:
            server_name = tenant["server_name"] or tenant_api.server_name_of(access)
            result["kubeconfig_text"] = access.kubeconfig
            result["kubeconfig_forwarded"] = tenant_api.forwarded(access, server_name, params["forward_port"])
        with kube_module.open_cluster(params) as cluster:
            if tenant_api.is_ready(cluster):
                result["ready"] = True
                result["version"] = cluster.request("get", "/version")["gitVersion"]
            else:
                result["reason"] = f"{cluster.host} does not report ready"
    except Unreachable as error:
        result["reason"] = error.message
    return result


def work(module: AnsibleModule) -> dict[str, Any]:
    params = module.params
    deadline = time.monotonic() + params["wait_timeout"]
    while True:
        result = look(params)
        if result["ready"] or not params["wait"] or module.check_mode:
            return result
        if time.monotonic() >= deadline:
            raise WaitTimeout(
                f"tenant cluster {params['tenant']['name']} is not ready after {params['wait_timeout']} s: "
                f"{result['reason']}"
            )
        time.sleep(2)


def main() -> None:
    kube_module.run(AnsibleModule(argument_spec(), supports_check_mode=True), work)


if __name__ == "__main__":
    main()

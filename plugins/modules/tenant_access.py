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
  - Returns the certificate authority and, if asked, writes the administrator's kubeconfigs. It changes nothing else.
extends_documentation_fragment:
  - baremetal.fabric.kube
  - baremetal.fabric.kube.tenant_required
attributes:
  check_mode:
    support: full
    description:
      - Tells which kubeconfigs would be written. A tenant cluster that does not exist yet is not ready, and not waited
        for.
  diff_mode:
    support: full
    description: Names the kubeconfigs that are written. They hold a private key and are not shown.
options:
  wait:
    description: Wait until the API is ready. Otherwise only look.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait.
    type: int
    default: 300
  kubeconfig_dir:
    description:
      - Directory on the machine where this module runs for the administrator's kubeconfigs, with mode 0600. It is made
        when it is not there.
      - C(<name>.kubeconfig) is for whoever reaches the VIP, C(<name>-forwarded.kubeconfig) for whoever forwards
        O(forward_port) to the control plane.
    type: path
  forward_port:
    description: Local port that the second of them is made for.
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
    kubeconfig_dir: ~/.kube/tenants
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
kubeconfigs:
  description: Names of the kubeconfigs in O(kubeconfig_dir) that were not there as they should be.
  type: list
  elements: str
  returned: when O(kubeconfig_dir) is set
  sample: [blue-forwarded.kubeconfig, blue.kubeconfig]
"""

import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import client, tenant_api
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import kubeconfigs as kubeconfig_files
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import module as kube_module
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import Unreachable, WaitTimeout
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.tenant_api import Access


def argument_spec() -> dict[str, Any]:
    options = kube_module.connection_options()
    options["tenant"]["required"] = True
    return {
        **options,
        "wait": {"type": "bool", "default": True},
        "wait_timeout": {"type": "int", "default": 300},
        "kubeconfig_dir": {"type": "path"},
        "forward_port": {"type": "int", "default": 8443},
    }


def look(params: dict[str, Any]) -> tuple[dict[str, Any], Access | None]:
    """One look: whether it is ready and, if not, why not; how to reach it, once that is known."""
    tenant = params["tenant"]
    result: dict[str, Any] = {"changed": False, "ready": False, "reason": ""}
    access: Access | None = None
    try:
        with client.connect(params["kubeconfig"], params["context"]) as host:
            access = kube_module.tenant_access(host, tenant)
            result.update({"ca": access.ca, "server": access.server})
            with kube_module.enter_tenant(host, tenant, access) as cluster:
                result["reason"] = tenant_api.unready_because(cluster)
                if not result["reason"]:
                    result["ready"] = True
                    result["version"] = cluster.request("get", "/version")["gitVersion"]
    except Unreachable as error:
        result["reason"] = error.message
    return result, access


def kubeconfigs(params: dict[str, Any], access: Access) -> dict[str, str]:
    """The kubeconfigs by file name."""
    tenant = params["tenant"]
    server_name = tenant["server_name"] or tenant_api.server_name_of(access)
    return {
        f"{tenant['name']}.kubeconfig": access.kubeconfig,
        f"{tenant['name']}-forwarded.kubeconfig": tenant_api.forwarded(access, server_name, params["forward_port"]),
    }


def write(module: kube_module.Call, access: Access) -> dict[str, Any]:
    """Write the kubeconfigs; what that adds to the result."""
    directory = Path(module.params["kubeconfig_dir"])
    names = kubeconfig_files.write(directory, kubeconfigs(module.params, access), dry_run=module.check_mode)
    diff = {"before": "", "after": "".join(f"{directory / name}\n" for name in names)}
    return {"changed": bool(names), "kubeconfigs": names, "diff": diff}


def work(module: kube_module.Call) -> dict[str, Any]:
    params = module.params
    waits = params["wait"] and not module.check_mode
    deadline = time.monotonic() + params["wait_timeout"]
    if waits:
        # a kubeconfig that is not there does not come by waiting
        client.connect(params["kubeconfig"], params["context"]).close()
    while True:
        result, access = look(params)
        if result["ready"] or not waits:
            break
        if time.monotonic() >= deadline:
            raise WaitTimeout(f"tenant cluster {params['tenant']['name']} is not ready: {result['reason']}")
        time.sleep(2)
    if params["kubeconfig_dir"] and access is not None:
        result.update(write(module, access))
    return result


def main() -> None:
    kube_module.run(AnsibleModule(argument_spec(), supports_check_mode=True), work)


if __name__ == "__main__":
    main()

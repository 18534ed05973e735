#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: tenant_kubeconfig
short_description: A kubeconfig for one person, with an expiry and a role
version_added: 0.1.0
description:
  - Has the tenant cluster sign a client certificate that ends, binds a ClusterRole to its user, and writes a kubeconfig
    that nobody else can read. The private key is made on the machine where this module runs and leaves it only in that
    file.
  - The certificate is of the tenant cluster's own authority, so the host cluster and other tenant clusters refuse it.
  - Kubernetes cannot take a certificate back before it ends. V(absent) removes the role, so that it opens nothing any
    more, and the file.
extends_documentation_fragment:
  - baremetal.fabric.kube
  - baremetal.fabric.kube.tenant_required
attributes:
  check_mode:
    support: full
    description: Only tells what would be done.
  diff_mode:
    support: full
    description: Shows what is done in words. The file holds a private key and is not shown.
options:
  name:
    description:
      - The person, in lower case letters, digits and C(-). The tenant cluster knows them as the user C(fabric:<name>).
    type: str
    required: true
  state:
    description: Whether they shall have access.
    type: str
    choices: [present, absent]
    default: present
  cluster_role:
    description: ClusterRole that they get, for instance V(view), V(edit), V(admin) or V(cluster-admin).
    type: str
    default: view
  namespaces:
    description: Namespaces in which they get it. Everywhere when empty.
    type: list
    elements: str
    default: []
  expires:
    description: Seconds after which the certificate ends, 600 at least. The tenant cluster may make it shorter.
    type: int
    default: 2592000
  renew_before:
    description:
      - Make a new one if less than this many seconds are left. By default a third of the life that it was given.
    type: int
  server:
    description:
      - URL by which they reach the API, for instance of a load balancer that is reached from outside the VLAN. The
        certificate there must still be the tenant cluster's own. By default that of its nodes.
    type: str
  path:
    description:
      - The file. Its directory is made with mode 0700 if it does not exist.
      - A file with anything else than the person's own context of this tenant cluster is neither written nor removed.
    type: path
    required: true
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Access for Ada, for a week
  baremetal.fabric.tenant_kubeconfig:
    kubeconfig: /etc/fabric/host.kubeconfig
    tenant:
      name: blue
    name: ada
    cluster_role: edit
    expires: 604800
    path: /home/ada/blue.kubeconfig
"""

RETURN = r"""
expires:
  description: When the certificate ends, UTC.
  type: str
  returned: when there is one
actions:
  description: What was, or would be, done, in words.
  type: list
  elements: str
  returned: success
"""

import datetime
import re
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import client, kubeconfigs, people, tenant_api
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import module as kube_module
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import Gone, KubeError
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.people import Endpoint, Person
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.tenant_api import Access

# A label's value, and the end of a user's name.
_NAME = re.compile(r"^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$")


def argument_spec() -> dict[str, Any]:
    options = kube_module.connection_options()
    options["tenant"]["required"] = True
    return {
        **options,
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "cluster_role": {"type": "str", "default": "view"},
        "namespaces": {"type": "list", "elements": "str", "default": []},
        "expires": {"type": "int", "default": 2592000},
        "renew_before": {"type": "int"},
        "server": {"type": "str"},
        "path": {"type": "path", "required": True},
    }


def present(cluster: Cluster, access: Access, params: dict[str, Any], dry_run: bool) -> dict[str, Any]:
    """The role first: a certificate without one opens nothing, and one that is there already must not wait for it."""
    person = Person(params["name"], params["cluster_role"], tuple(params["namespaces"]))
    path = Path(params["path"])
    text = kubeconfigs.own(path, people.context_of(person, params["tenant"]["name"]))
    actions = people.bind(cluster, person, people.bindings(person), dry_run=dry_run)
    endpoint = endpoint_of(access, params.get("server"))
    now = datetime.datetime.now(datetime.UTC)
    reason = "there is none"
    if text is not None:
        reason = people.stale_because(text, person, endpoint, now, params["renew_before"])
    result: dict[str, Any] = {}
    if text is None or reason:
        actions.append(f"kubeconfig {path} made: {reason}")
        if not dry_run:
            key, request = people.new_key_and_request(person)
            certificate = people.sign(cluster, person, request, params["expires"])
            text = people.kubeconfig(person, params["tenant"]["name"], endpoint, certificate, key)
            kubeconfigs.write(path.parent, {path.name: text})
            result["expires"] = people.expiry(certificate).isoformat(timespec="seconds")
    else:
        result["expires"] = people.certificate_end(text).isoformat(timespec="seconds")
        if kubeconfigs.write(path.parent, {path.name: text}, dry_run=dry_run):
            actions.append(f"kubeconfig {path} closed to others")
    return {**result, **kubeconfigs.told(actions)}


def endpoint_of(access: Access, server: str | None) -> Endpoint:
    """That of the nodes; by another address the certificate is still held to the name that they know."""
    if not server or server == access.server:
        return Endpoint(access.server, access.ca)
    return Endpoint(server, access.ca, tenant_api.server_name_of(access))


def absent(cluster: Cluster | None, params: dict[str, Any], dry_run: bool) -> dict[str, Any]:
    person = Person(params["name"], params["cluster_role"])
    path = Path(params["path"])
    # Their access first: it must not outlive a file that cannot be removed.
    actions = people.bind(cluster, person, [], dry_run=dry_run) if cluster else []
    actions += kubeconfigs.remove(path, people.context_of(person, params["tenant"]["name"]), dry_run=dry_run)
    return kubeconfigs.told(actions)


def work(module: kube_module.Call) -> dict[str, Any]:
    params, tenant = module.params, module.params["tenant"]
    if not _NAME.match(params["name"]):
        raise KubeError(f"name {params['name']!r}: lower case letters, digits and '-', at most 42 of them")
    if params["expires"] < people.MINIMUM_SECONDS:
        raise KubeError(f"expires {params['expires']}: the API signs for {people.MINIMUM_SECONDS} seconds at least")

    def ask() -> dict[str, Any]:
        with client.connect(params["kubeconfig"], params["context"]) as host:
            access = kube_module.tenant_access(host, tenant)
            with kube_module.enter_tenant(host, tenant, access) as cluster:
                if params["state"] == "absent":
                    return absent(cluster, params, module.check_mode)
                return present(cluster, access, params, module.check_mode)

    def plan(reason: str) -> dict[str, Any]:
        if params["state"] == "absent":
            return absent(None, params, True)
        return kubeconfigs.told([f"kubeconfig {params['path']} made once there is an API: {reason}"])

    try:
        return kube_module.unless_missing(ask, module, plan)
    except Gone:
        if params["state"] == "present":
            raise
        return absent(None, params, module.check_mode)  # with the tenant cluster, its roles are gone as well


def main() -> None:
    kube_module.run(AnsibleModule(argument_spec(), supports_check_mode=True), work)


if __name__ == "__main__":
    main()

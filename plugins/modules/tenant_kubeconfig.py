#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: tenant_kubeconfig
short_description: kubeconfigs for people, with an expiry and a role
version_added: 0.1.0
description:
  - Has the tenant cluster sign client certificates that end, binds a ClusterRole to each user, and writes kubeconfigs
    that nobody else can read. A private key is made on the machine where this module runs and leaves it only in that
    person's file.
  - The certificates are of the tenant cluster's own authority, so the host cluster and other tenant clusters refuse
    them.
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
  people:
    description: Who. Each name and each file is listed once.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - The person, in lower case letters, digits and C(-). The tenant cluster knows them as the user
            C(fabric:<name>).
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
          - A file with anything else than the person's own context of this tenant cluster is neither written nor
            removed.
          - By default C(<tenant cluster>-<name>.kubeconfig) in O(directory).
        type: path
  leaving:
    description:
      - The tenant cluster is about to be deleted. Nothing is asked of it any more, and nobody gets access; the files of
        O(people) are removed, and all that anybody was ever given and that are in O(directory) or beside those.
      - Such a file is known by its only context, C(<name>@<tenant cluster>), and by the authority in it, which is that
        of this very tenant cluster.
    type: bool
    default: false
  directory:
    description: Where the files of people are whose path is not given.
    type: path
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Access for Ada, for a week
  baremetal.fabric.tenant_kubeconfig:
    kubeconfig: /etc/fabric/host.kubeconfig
    tenant:
      name: blue
    people:
      - name: ada
        cluster_role: edit
        expires: 604800
        path: /home/ada/blue.kubeconfig
"""

RETURN = r"""
expires:
  description: When the certificate of each person ends, UTC, by name.
  type: dict
  returned: success
  sample:
    ada: "2026-12-01T00:00:00+00:00"
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
    person = {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "cluster_role": {"type": "str", "default": "view"},
        "namespaces": {"type": "list", "elements": "str", "default": []},
        "expires": {"type": "int", "default": 2592000},
        "renew_before": {"type": "int"},
        "server": {"type": "str"},
        "path": {"type": "path"},
    }
    return {
        **options,
        "people": {"type": "list", "elements": "dict", "options": person, "default": []},
        "leaving": {"type": "bool", "default": False},
        "directory": {"type": "path"},
    }


def filled(params: dict[str, Any]) -> list[dict[str, Any]]:
    """The people, with what they leave out."""
    directory, tenant = params["directory"], params["tenant"]["name"]
    listed = []
    for each in params["people"]:
        path = each["path"] or (directory and str(Path(directory) / f"{tenant}-{each['name']}.kubeconfig"))
        listed.append({**each, "cluster_role": each["cluster_role"] or "view", "path": path})
    return listed


def mistakes(listed: list[dict[str, Any]]) -> list[str]:
    """Everything that is wrong with the people, before any of them is given anything."""
    found = []
    for index, each in enumerate(listed):
        place = f"people[{index}]"
        if not _NAME.match(each["name"]):
            found.append(f"{place}.name {each['name']!r}: lower case letters, digits and '-', at most 42 of them")
        if each["expires"] < people.MINIMUM_SECONDS:
            found.append(
                f"{place}.expires {each['expires']}: the API signs for {people.MINIMUM_SECONDS} seconds at least"
            )
        if not each["path"]:
            found.append(f"{place}.path: is missing, and directory is not set")
        for key in ("name", "path"):
            if each[key] and each[key] in [other[key] for other in listed[:index]]:
                found.append(f"{place}.{key} {each[key]!r}: is listed twice")
    return found


def present(
    cluster: Cluster, access: Access, params: dict[str, Any], tenant: str, dry_run: bool
) -> tuple[list[str], str]:
    """What was, or would be, done, and when the certificate ends, if that is known.

    The role first: a certificate without one opens nothing, and one that is there already must not wait for it.
    """
    person = Person(params["name"], params["cluster_role"], tuple(params["namespaces"]))
    path = Path(params["path"])
    text = kubeconfigs.own(path, people.context_of(person, tenant))
    actions = people.bind(cluster, person, people.bindings(person), dry_run=dry_run)
    endpoint = endpoint_of(access, params.get("server"))
    now = datetime.datetime.now(datetime.UTC)
    reason = "there is none"
    if text is not None:
        reason = people.stale_because(text, person, endpoint, now, params["renew_before"])
    expires = ""
    if text is None or reason:
        actions.append(f"kubeconfig {path} made: {reason}")
        if not dry_run:
            key, request = people.new_key_and_request(person)
            certificate = people.sign(cluster, person, request, params["expires"])
            text = people.kubeconfig(person, tenant, endpoint, certificate, key)
            kubeconfigs.write(path.parent, {path.name: text})
            expires = people.expiry(certificate).isoformat(timespec="seconds")
    else:
        expires = people.certificate_end(text).isoformat(timespec="seconds")
        if kubeconfigs.write(path.parent, {path.name: text}, dry_run=dry_run):
            actions.append(f"kubeconfig {path} closed to others")
    return actions, expires


def endpoint_of(access: Access, server: str | None) -> Endpoint:
    """That of the nodes; by another address the certificate is still held to the name that they know."""
    if not server or server == access.server:
        return Endpoint(access.server, access.ca)
    return Endpoint(server, access.ca, tenant_api.server_name_of(access))


def absent(cluster: Cluster | None, params: dict[str, Any], tenant: str, dry_run: bool) -> list[str]:
    person = Person(params["name"], params["cluster_role"])
    path = Path(params["path"])
    # Their access first: it must not outlive a file that cannot be removed.
    actions = people.bind(cluster, person, [], dry_run=dry_run) if cluster else []
    return actions + kubeconfigs.remove(path, people.context_of(person, tenant), dry_run=dry_run)


def forgotten(params: dict[str, Any], ca: str | None, dry_run: bool) -> dict[str, Any]:
    """Only the files: with the tenant cluster, its roles go as well. Without its authority only the named ones."""
    tenant = params["tenant"]["name"]
    actions = [line for each in params["people"] for line in absent(None, each, tenant, dry_run)]
    done = {Path(each["path"]) for each in params["people"]}
    directories = {path.parent for path in done} | ({Path(params["directory"])} if params["directory"] else set())
    for directory in sorted(directories) if ca else ():
        for path in people.files_of(directory, tenant, ca or ""):
            if path not in done:
                actions += kubeconfigs.delete(path, dry_run=dry_run)
    return {**kubeconfigs.told(actions), "expires": {}}


def one_by_one(cluster: Cluster, access: Access, params: dict[str, Any], dry_run: bool) -> dict[str, Any]:
    tenant = params["tenant"]["name"]
    actions: list[str] = []
    expires: dict[str, str] = {}
    for each in params["people"]:
        if each["state"] == "absent":
            actions += absent(cluster, each, tenant, dry_run)
            continue
        done, end = present(cluster, access, each, tenant, dry_run)
        actions += done
        if end:
            expires[each["name"]] = end
    return {**kubeconfigs.told(actions), "expires": expires}


def work(module: kube_module.Call) -> dict[str, Any]:
    tenant = module.params["tenant"]
    params = {**module.params, "people": filled(module.params)}
    if wrong := mistakes(params["people"]):
        raise KubeError("; ".join(wrong))

    def ask() -> dict[str, Any]:
        with client.connect(params["kubeconfig"], params["context"]) as host:
            access = kube_module.tenant_access(host, tenant)
            if params["leaving"]:
                return forgotten(params, access.ca, module.check_mode)
            with kube_module.enter_tenant(host, tenant, access) as cluster:
                return one_by_one(cluster, access, params, module.check_mode)

    def plan(reason: str) -> dict[str, Any]:
        if params["leaving"]:
            return forgotten(params, None, True)
        actions = []
        for each in params["people"]:
            if each["state"] == "absent":
                actions += absent(None, each, tenant["name"], True)
            else:
                actions.append(f"kubeconfig {each['path']} made once there is an API: {reason}")
        return {**kubeconfigs.told(actions), "expires": {}}

    try:
        return kube_module.unless_missing(ask, module, plan)
    except Gone:
        if not params["leaving"] and any(each["state"] == "present" for each in params["people"]):
            raise
        return forgotten(params, None, module.check_mode)  # with the tenant cluster, its roles are gone as well


def main() -> None:
    kube_module.run(AnsibleModule(argument_spec(), supports_check_mode=True), work)


if __name__ == "__main__":
    main()

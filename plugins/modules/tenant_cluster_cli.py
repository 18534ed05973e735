#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: tenant_cluster_cli
short_description: Make, change or remove the control plane of a tenant cluster by vCluster's command line
version_added: 0.1.0
description:
  - Gives C(vcluster create) the same values that Helm would be given. What it makes is a release of Helm's, so whether
    there is anything to do is read from Helm's records.
  - C(vcluster) gets a copy of the kubeconfig with one context and a state of its own, in a directory that only the
    user who runs it can read and that is removed afterwards. No terminal is at its input, so it asks nothing. The
    user's kubeconfig, current context and login to vCluster Platform stay as they are.
  - Removal leaves volumes and the namespace, which are for whoever made the namespace to remove.
  - Runs on the machine that runs Ansible. C(vcluster) should be of the chart's release, by whose rules it reads the
    values.
extends_documentation_fragment:
  - baremetal.fabric.kube
  - baremetal.fabric.kube.control_plane
attributes:
  check_mode:
    support: full
    description: Tells from Helm's records what would be done; C(vcluster) is not called and need not be there.
  diff_mode:
    support: full
    description: Shows the chart's version and the values, without the password of an external database.
options:
  state:
    description: Whether the release shall exist.
    type: str
    choices: [present, absent]
    default: present
  binary:
    description: vCluster's command line, a path or a name in E(PATH).
    type: path
    default: vcluster
  helm_binary:
    description: Helm, a path or a name in E(PATH). vCluster calls it, and would download one if there were none.
    type: path
    default: helm
  chart:
    description: Name of the chart in its repository, or a path.
    type: str
    default: vcluster
  chart_repository:
    description: Repository of the chart. Empty for an C(oci://) reference.
    type: str
    default: https://charts.loft.sh
  chart_version:
    description: Version of the chart. Does not matter for a path.
    type: str
  values:
    description: Values for the chart. Required with O(state=present).
    type: dict
  timeout:
    description:
      - Seconds that C(vcluster) may take. It does not wait for the control plane's pods.
      - When they are over it is ended, and with it Helm, which it has started.
    type: int
    default: 600
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: A control plane by vCluster's command line
  baremetal.fabric.tenant_cluster_cli:
    kubeconfig: /etc/fabric/host.kubeconfig
    name: amber
    chart_version: 0.36.1
    values:
      controlPlane:
        backingStore:
          etcd:
            deploy:
              enabled: true

- name: Remove its release
  baremetal.fabric.tenant_cluster_cli:
    kubeconfig: /etc/fabric/host.kubeconfig
    name: amber
    state: absent
"""

RETURN = r"""
command:
  description: What C(vcluster) was told, or would be. The files that it names are gone by then.
  type: list
  elements: str
  returned: when there is anything to do
status:
  description: What Helm's newest record said before.
  type: str
  returned: when there was one
  sample: deployed
"""

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import (
    compare,
    kubeconfigs,
    programs,
    tenant_api,
    yaml_text,
)
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import module as kube_module
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import KubeError
from ansible_collections.baremetal.fabric.plugins.module_utils._vcluster import chart as charts
from ansible_collections.baremetal.fabric.plugins.module_utils._vcluster import cli, shown

#: The end of what a program has printed, which is where it says why it failed.
TAIL_LINES = 20
#: Names in the directory that a call has to itself.
STATE_FILE = "state.json"
VALUES_FILE = "values.yaml"

RULES = {"required_if": [("state", "present", ["values"])]}


def argument_spec() -> dict[str, Any]:
    return {
        **kube_module.control_plane_options(),
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "binary": {"type": "path", "default": "vcluster"},
        "helm_binary": {"type": "path", "default": "helm"},
        "chart": {"type": "str", "default": "vcluster"},
        "chart_repository": {"type": "str", "default": "https://charts.loft.sh"},
        "chart_version": {"type": "str"},
        "values": {"type": "dict"},
        "timeout": {"type": "int", "default": 600},
    }


class Workplace:
    """A directory for one call of vcluster's, and the environment in which it sees nothing else of its user's."""

    def __init__(self, directory: Path, params: Mapping[str, Any]) -> None:
        self.directory = directory
        self._params = params
        self._write(STATE_FILE, json.dumps(cli.STATE))
        self._write(VALUES_FILE, yaml_text.dump(yaml_text.plain(params["values"] or {})))
        text = kubeconfigs.alone(Path(params["kubeconfig"]), params["context"])
        self._kubeconfig = self._write("host.kubeconfig", text)
        programs = directory / "bin"
        programs.mkdir()
        self.helm = programs / "helm"
        self.helm.symlink_to(found("helm_binary", params["helm_binary"]))

    def _write(self, name: str, text: str) -> Path:
        path = self.directory / name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(text)
        return path

    def run(self, program: str, arguments: list[str]) -> None:
        environment = {
            **cli.environment(os.environ),
            "KUBECONFIG": str(self._kubeconfig),
            "PATH": f"{self.helm.parent}:{os.environ.get('PATH', os.defpath)}",
        }
        told = f"{Path(program).name} {arguments[0]} {self._params['name']}"
        try:
            # There, since a file called as the chart, next to it, would stop it.
            done = programs.run([program, *arguments], self.directory, environment, self._params["timeout"])
        except OSError as error:
            raise KubeError(f"{program} cannot be run: {error.strerror}") from error
        if done.code is None:
            raise KubeError(f"{told} was not done after {self._params['timeout']} s, and was ended:\n{tail(done.said)}")
        if done.code:
            raise KubeError(f"{told} ended with {done.code}:\n{tail(done.said)}")


def tail(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-TAIL_LINES:])


def found(option: str, program: str) -> str:
    path = shutil.which(program)
    if path is None:
        hint = "install it by the role vcluster_cli, or set its path" if option == "binary" else "set its path"
        raise KubeError(f"{option}: there is no program {program}: {hint}")
    return str(Path(path).absolute())


def chart_of(params: Mapping[str, Any]) -> cli.Chart:
    """With the version that the release will have."""
    path = Path(params["chart"])
    if not path.exists():
        return cli.Chart(params["chart"], params["chart_repository"], params["chart_version"], False)
    try:
        version = charts.read(path).version
    except charts.ChartError as error:
        raise KubeError(f"chart: {error}") from error
    return cli.Chart(str(path.absolute()), None, version, True)


def records(cluster: Cluster, params: Mapping[str, Any], namespace: str) -> list[dict[str, Any]]:
    return cluster.list("v1", "Secret", namespace, labels=f"owner=helm,name={params['name']}")


def diff(params: Mapping[str, Any], before: cli.Release | None, after: dict[str, Any] | None) -> dict[str, str]:
    title = f"release {params['name']}"
    old = None
    if before:
        recorded = cli.own_values(before.values, params["values"] or {})
        old = {"chart": before.chart_version, "values": shown.hidden(recorded)}
    if after and before:
        after = {**after, "values": shown.hidden(after["values"], before.values)}
    elif after:
        after = {**after, "values": shown.hidden(after["values"])}
    texts = [compare.as_text(each) for each in (old, after)]
    return {"before_header": title, "after_header": title, "before": texts[0], "after": texts[1]}


def present(params: Mapping[str, Any], namespace: str, before: cli.Release | None, check_mode: bool) -> dict[str, Any]:
    chart, values = chart_of(params), yaml_text.plain(params["values"])
    told = {"status": before.status} if before else {}
    if before and not before.differs(values, chart.version):
        return {"changed": False, **told}
    arguments = cli.create(params["name"], namespace, chart, VALUES_FILE, STATE_FILE)
    if not check_mode:
        program = found("binary", params["binary"])
        with tempfile.TemporaryDirectory(prefix="fabric-vcluster-") as directory:
            Workplace(Path(directory), params).run(program, arguments)
    after = {"chart": chart.version, "values": values}
    return {"changed": True, "command": ["vcluster", *arguments], "diff": diff(params, before, after), **told}


def absent(
    cluster: Cluster, params: Mapping[str, Any], namespace: str, before: cli.Release | None, check_mode: bool
) -> dict[str, Any]:
    if before is None:
        return {"changed": False}
    arguments = cli.delete(params["name"], namespace, STATE_FILE)
    if not check_mode:
        program = found("binary", params["binary"])
        with tempfile.TemporaryDirectory(prefix="fabric-vcluster-") as directory:
            workplace = Workplace(Path(directory), params)
            workplace.run(program, arguments)
            # It goes by the workloads: of a release that a killed run was installing or removing there may be none.
            if records(cluster, params, namespace):
                workplace.run(str(workplace.helm), ["uninstall", params["name"], f"--namespace={namespace}"])
    result = {"command": ["vcluster", *arguments], "status": before.status, "diff": diff(params, before, None)}
    return {"changed": True, **result}


def work(module: kube_module.Call) -> dict[str, Any]:
    params = module.params
    namespace = tenant_api.control_plane_namespace(params["name"], params["namespace"])

    def ask() -> dict[str, Any]:
        with kube_module.open_cluster(params) as cluster:
            before = cli.newest(records(cluster, params, namespace))
            if params["state"] == "present":
                return present(params, namespace, before, module.check_mode)
            return absent(cluster, params, namespace, before, module.check_mode)

    def plan(_reason: str) -> dict[str, Any]:
        return present(params, namespace, None, True) if params["state"] == "present" else {"changed": False}

    return kube_module.unless_missing(ask, module, plan)


def main() -> None:
    kube_module.run(AnsibleModule(argument_spec(), supports_check_mode=True, **RULES), work)


if __name__ == "__main__":
    main()

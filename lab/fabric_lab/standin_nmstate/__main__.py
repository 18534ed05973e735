"""``python -m fabric_lab.standin_nmstate LAB``: defines the kinds, then acts on policies until it is ended."""

from __future__ import annotations

import sys
from typing import Any

import yaml

from fabric_lab import state
from fabric_lab.cluster.settings import Cluster
from fabric_lab.rack import ssh, topology
from fabric_lab.standin_k8slan.node.rounds import keep, say
from fabric_lab.standin_kubevirt.api import Api, ApiError, Object
from fabric_lab.standin_nmstate import links
from fabric_lab.state import LabError

_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_POLICIES = "/apis/nmstate.io/v1/nodenetworkconfigurationpolicies"
_ENACTMENTS = "/apis/nmstate.io/v1beta1/nodenetworkconfigurationenactments"
_FILES = ("nodenetworkconfigurationpolicies", "nodenetworkconfigurationenactments")
_SECONDS = 1.0


class Controller:
    """One handler for all nodes, where the real one runs on each."""

    def __init__(self, lab: state.Lab) -> None:
        self.api = Api(Cluster(lab).operator_kubeconfig)
        self.rack = topology.build(lab)

    def define(self) -> None:
        for name in _FILES:
            text = (state.schemas_dir() / f"knmstate_{name}.crd.yaml").read_text()
            self.api.create(_DEFINITIONS, yaml.safe_load(text))

    def round(self) -> None:
        there = {each["metadata"]["name"]: each for each in self.api.list(_ENACTMENTS)}
        nodes = self.api.list("/api/v1/nodes")
        wanted = set()
        for policy in self.api.list(_POLICIES):
            selector = policy["spec"].get("nodeSelector") or {}
            for node in nodes:
                labels = node["metadata"].get("labels") or {}
                if any(labels.get(key) != value for key, value in selector.items()):
                    continue
                name = f"{node['metadata']['name']}.{policy['metadata']['name']}"
                wanted.add(name)
                self._enact(name, node["metadata"]["name"], there.get(name), policy)
        for name in set(there) - wanted:
            self.api.delete(f"{_ENACTMENTS}/{name}")

    def _enact(self, name: str, node: str, enactment: Object | None, policy: Object) -> None:
        generation = policy["metadata"]["generation"]
        if enactment is None:
            kind = {"apiVersion": "nmstate.io/v1beta1", "kind": "NodeNetworkConfigurationEnactment"}
            self.api.create(_ENACTMENTS, {**kind, "metadata": {"name": name}})
        elif (enactment.get("status") or {}).get("policyGeneration") == generation:
            return
        trouble = self._configure(node, policy["spec"].get("desiredState") or {})
        say(f"{name} generation {generation}: {trouble or 'configured'}")
        conditions = [
            _condition("Available", not trouble, "SuccessfullyConfigured", ""),
            _condition("Failing", bool(trouble), "FailedToConfigure", trouble),
        ]
        status = {"policyGeneration": generation, "conditions": conditions}
        self.api.patch(f"{_ENACTMENTS}/{name}/status", {"status": status})

    def _configure(self, node: str, desired: dict[str, Any]) -> str:
        """What went wrong; nothing if all is as desired."""
        machine = self.rack.machine(node)
        if machine is None:
            return f"{node} is no machine of this rack"
        try:
            ssh.run(self.rack, machine, links.script(desired))
        except (links.Unsupported, LabError) as error:
            return str(error)
        return ""


def _condition(kind: str, true: bool, reason: str, message: str) -> dict[str, str]:
    return {"type": kind, "status": str(true), "reason": reason, "message": message}


def main(name: str) -> int:
    lab = state.load(name)
    if lab is None:
        say(f"there is no lab named {name!r}")
        return 1
    controller = Controller(lab)
    controller.define()
    say("stand-in for kubernetes-nmstate")

    def play() -> float:
        try:
            controller.round()
        except ApiError as error:
            # a kind that was defined a moment ago, or somebody was faster: the next round sees
            if error.status not in (404, 409):
                raise
        return _SECONDS

    return keep(play, (ApiError,), _SECONDS)


sys.exit(main(sys.argv[1]))

"""``python -m fabric_lab.standin_kubevirt LAB``: a process of the lab, started with its host cluster."""

from __future__ import annotations

import sys

from fabric_lab import state
from fabric_lab.cluster.settings import Cluster
from fabric_lab.standin_k8slan.node.rounds import keep, say
from fabric_lab.standin_kubevirt.api import Api, ApiError
from fabric_lab.standin_kubevirt.controller import Controller
from fabric_lab.standin_kubevirt.hardware import Hardware
from fabric_lab.state import LabError

_IDLE_SECONDS, _BUSY_SECONDS = 3.0, 0.5


def main(name: str) -> int:
    lab = state.load(name)
    if lab is None:
        say(f"there is no lab named {name!r}")
        return 1
    controller = Controller(Api(Cluster(lab).operator_kubeconfig), Hardware(lab), say)
    say("stand-in for KubeVirt and CDI")
    defined = False

    def play() -> float:
        nonlocal defined
        if not defined:
            controller.define()
            defined = True
        return _BUSY_SECONDS if controller.round() else _IDLE_SECONDS

    return keep(play, (ApiError, LabError), _IDLE_SECONDS)


sys.exit(main(sys.argv[1]))

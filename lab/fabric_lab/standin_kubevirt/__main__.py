"""``python -m fabric_lab.standin_kubevirt LAB``: a process of the lab, started with its host cluster."""

from __future__ import annotations

import sys
import time

from fabric_lab import state
from fabric_lab.cluster.settings import Cluster
from fabric_lab.standin_kubevirt.api import Api, ApiError
from fabric_lab.standin_kubevirt.controller import Controller
from fabric_lab.standin_kubevirt.hardware import Hardware
from fabric_lab.state import LabError

_IDLE_SECONDS, _BUSY_SECONDS = 3.0, 0.5


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def main(name: str) -> int:
    lab = state.load(name)
    if lab is None:
        say(f"there is no lab named {name!r}")
        return 1
    controller = Controller(Api(Cluster(lab).operator_kubeconfig), Hardware(lab), say)
    say("stand-in for KubeVirt and CDI")
    defined, trouble = False, ""
    while True:
        try:
            if not defined:
                controller.define()
                defined = True
            pause = _BUSY_SECONDS if controller.round() else _IDLE_SECONDS
            trouble = ""
        except (ApiError, LabError) as error:
            if str(error) != trouble:
                trouble = str(error)
                say(trouble)
            pause = _IDLE_SECONDS
        time.sleep(pause)


sys.exit(main(sys.argv[1]))

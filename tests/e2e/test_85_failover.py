"""The API endpoint moves when its holder is lost: how long nobody answers, and that never two hold the address."""

from __future__ import annotations

import base64
import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fabric_lab.rack.controller import Api

from .conftest import Tenants
from .lab import TestLab

TENANT, NAMESPACE, DEPLOYMENT = "blue", "vcluster-blue", "deployment/apiserver-lb"
WATCHER = Path(__file__).with_name("endpoint_watch.py")
Say = Callable[[str], None]


class Watch:
    """What the watcher has printed so far."""

    def __init__(self, output: Path) -> None:
        self._output = output

    def events(self) -> list[dict[str, Any]]:
        lines = self._output.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]

    def answers(self) -> list[float]:
        return [event["at"] for event in self.events() if event.get("answered")]

    def holders(self) -> list[str]:
        """Who held the address, one after the other. One that comes back after its successor would be in it twice."""
        return [mac for mac, _packets in itertools.groupby(e["holder"] for e in self.events() if "holder" in e)]

    def silence(self) -> float:
        """The longest time from one answer to the next, in seconds."""
        return max(later - earlier for earlier, later in itertools.pairwise(self.answers()))

    def wait(self, condition: Callable[[Watch], bool], what: str, timeout: float = 60) -> None:
        deadline = time.monotonic() + timeout
        while not condition(self):
            assert time.monotonic() < deadline, f"{what}; the last it told: {self.events()[-5:]}"
            time.sleep(0.2)


@contextmanager
def watching(lab: TestLab, machine: str, address: str, output: Path) -> Iterator[Watch]:
    program = base64.b64encode(WATCHER.read_bytes()).decode()
    path = "/run/endpoint_watch.py"
    script = f"echo {program} | base64 -d > {path}; exec python3 -u {path} bond0 {address} 443"
    with lab.process(machine, script, output):
        watch = Watch(output)
        watch.wait(lambda w: len(w.answers()) >= 10 and bool(w.holders()), f"{address} does not answer {machine}")
        yield watch


def server_of(lab: TestLab, pod: str) -> str:
    return lab.kubectl(None, "-n", NAMESPACE, "get", "pod", pod, "-o", "jsonpath={.spec.nodeName}")


def whole(lab: TestLab) -> None:
    """Every shared server is Ready and carries its pods again."""
    lab.kubectl(None, "wait", "--for=condition=Ready", "nodes", "--all", "--timeout=240s")
    lab.kubectl(None, "-n", NAMESPACE, "rollout", "status", DEPLOYMENT, "--timeout=240s")


@pytest.fixture
def endpoint(rack: TestLab, tenants: Tenants) -> Iterator[str]:
    """The address, with its holder on another server than the only control plane, which is to stay alive."""
    tenants.ensure()
    whole(rack)
    control_plane = server_of(rack, f"{TENANT}-0")
    for _attempt in range(3):
        active = rack.endpoint_holder(TENANT)
        if server_of(rack, active) != control_plane:
            break
        rack.kubectl(None, "-n", NAMESPACE, "delete", "pod", active, "--wait=true")
        whole(rack)
    assert server_of(rack, rack.endpoint_holder(TENANT)) != control_plane
    yield rack.endpoint(TENANT)
    whole(rack)


def ports_of(lab: TestLab, server: str) -> list[dict[str, Any]]:
    """The leaf's ports that a server is cabled to."""
    ports = lab.controller()["ports"]
    return [
        port
        for port in ports
        if port["switchName"] == "leaf1" and str((port["connectedTo"] or {}).get("switchName")) == server
    ]


def set_ports(lab: TestLab, ports: list[dict[str, Any]], down: bool) -> None:
    """As a person does at the controller; the agent obeys."""
    api = Api(lab.lab)
    api.login()
    kept = ("mtu", "autoNeg", "speed", "duplex", "breakout", "fec", "linkTraining", "description", "extension")
    for port in ports:
        body = {**{key: port[key] for key in kept if key in port}, "tenant": port["tenant"], "adminDown": down}
        body["speed"] = port.get("desiredSpeed") or "auto"
        api.request("PUT", f"/api/v2/ports/{port['id']}", body)


def lose_pod(lab: TestLab, pod: str) -> Callable[[], None]:
    lab.kubectl(None, "-n", NAMESPACE, "delete", "pod", pod, "--grace-period=0", "--force", "--wait=false")
    return lambda: None


def lose_ports(lab: TestLab, pod: str) -> Callable[[], None]:
    ports = ports_of(lab, server_of(lab, pod))
    assert len(ports) == 2
    set_ports(lab, ports, down=True)
    return lambda: set_ports(lab, ports, down=False)


def lose_server(lab: TestLab, pod: str) -> Callable[[], None]:
    lab.power(server_of(lab, pod), "reset")
    return lambda: None


@pytest.mark.m6
@pytest.mark.parametrize("lose", [lose_pod, lose_ports, lose_server])
def test_the_endpoint_moves(
    rack: TestLab,
    endpoint: str,
    lose: Callable[[TestLab, str], Callable[[], None]],
    tmp_path: Path,
    say: Say,
) -> None:
    active = rack.endpoint_holder(TENANT)
    with watching(rack, "metal1", endpoint, tmp_path / "watch") as watch:
        first = watch.holders()[-1]
        put_right = lose(rack, active)
        try:
            watch.wait(lambda w: w.holders()[-1] != first, "nobody took the address over")
            moved = watch.events()[-1]["at"]
            watch.wait(lambda w: sum(at > moved for at in w.answers()) >= 20, "the new holder does not answer")
        finally:
            put_right()
        whole(rack)
        silence, holders = watch.silence(), watch.holders()
    say(f"{lose.__name__}: no answer for {silence:.1f} s")
    assert holders == [first, holders[-1]], "the address was held by more than one at a time, or came back"

"""Persistence, seeding, and the real process."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from fabric_lab.controller.core import Controller, Settings
from fabric_lab.controller.seed import SeedError, apply, load

from .rack import AUTOMATIC, DEMO_SEED, Rack, demo_seed

LAB = Path(__file__).parents[3] / "lab"


def test_state_survives_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    first = Rack(demo_seed(), state).login()
    cluster = first.cluster("blue", first.template("t", AUTOMATIC), ["metal1"])
    first.report(5, message="hello")
    cookie = first.client.cookies["connect.sid"]
    config = first.agent()
    first.knobs(slow_ms=0, ports_nested=True)
    first.close()
    assert state.stat().st_mode & 0o077 == 0

    second = Rack(demo_seed(), state)
    try:
        second.client.cookies.set("connect.sid", cookie, domain="testserver.local")
        assert second.get(f"/api/v2/server-cluster/{cluster['id']}") == cluster  # the old session still counts
        assert second.agent() == config
        assert second.controller.knobs.ports_nested is True
        assert second.controller.agents.complaint(second.device("leaf1")) == ""
        assert len(second.get("/api/v2/hw")) == 8  # the seed adds nothing twice
        vnet = second.vnet("next")
        assert vnet > cluster["resources"]["vnets"][0]["id"]
    finally:
        second.close()


def test_secrets_are_made_once_and_kept(tmp_path: Path) -> None:
    first = Controller(Settings(state=tmp_path / "s.db"))
    secrets = (first.password, first.agent_token)
    first.store.close()
    second = Controller(Settings(state=tmp_path / "s.db"))
    assert (second.password, second.agent_token) == secrets
    assert len(set(secrets)) == 2
    second.store.close()
    third = Controller(Settings(state=tmp_path / "s.db", password="given"))
    assert third.password == "given"
    third.store.close()


def test_one_controller_per_state_file(tmp_path: Path) -> None:
    first = Controller(Settings(state=tmp_path / "s.db"))
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        Controller(Settings(state=tmp_path / "s.db"))
    first.store.close()


def test_seed_adds_what_is_missing() -> None:
    rack = Rack({"tenants": ["Acme", {"name": "Beta", "description": "b"}], "vpcs": ["v"]}).login()
    try:
        seed = demo_seed()
        seed["servers"].append({"name": "metal4", "portCount": 10, "owner": "Acme", "tags": ["x"]})
        seed["links"].append(["eth9@metal4", "swp14@leaf1"])
        apply(rack.controller, {**seed, "agent_token": "from-seed"})
        assert rack.controller.agent_token == "from-seed"
        assert [site["name"] for site in rack.get("/api/v2/sites")] == ["Default"]
        metal4 = rack.get(f"/api/v2/hw/{rack.device('metal4')}")
        assert (metal4["tenant"]["name"], metal4["tags"], metal4["portCount"]) == ("Acme", ["x"], 10)
        assert len(rack.get("/api/v2/link")) == 14
        apply(rack.controller, seed)
        assert len(rack.get("/api/v2/link")) == 14
    finally:
        rack.close()


@pytest.mark.parametrize(("content", "message"), [
    ({"racks": []}, "unknown key racks"),
    ({"links": [["a@b", "c@d"]]}, "Port a@b does not exist"),
    ({"links": ["a@b"]}, "a link is a pair of ports"),
    ({"servers": [{"portCount": 2}]}, "name is required"),
])  # fmt: skip
def test_bad_seeds_say_what_is_wrong(content: dict[str, object], message: str) -> None:
    controller = Controller(Settings())
    with pytest.raises(SeedError, match=message):
        apply(controller, content)
    controller.store.close()


def test_seed_may_be_json(tmp_path: Path) -> None:
    path = tmp_path / "seed.json"
    path.write_text(json.dumps(demo_seed()))
    assert load(path) == load(DEMO_SEED)


@contextmanager
def running(*arguments: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """The real program, until it has said how to reach it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "fabric_lab.controller", *arguments],
        env={**os.environ, "PYTHONPATH": str(LAB), **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process, dict(process.stdout.readline().strip().split("=", 1) for _ in range(3))
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


@contextmanager
def login(said: dict[str, str]) -> Iterator[httpx.Client]:
    body = {"user": said["NETRIS_USERNAME"], "password": said["NETRIS_PASSWORD"], "auth_scheme_id": 1}
    with httpx.Client(base_url=said["NETRIS_URL"], timeout=10) as client:
        assert client.post("/api/auth", json=body).status_code == 200
        yield client


def test_process_announces_itself_and_survives_sigkill(tmp_path: Path) -> None:
    state = str(tmp_path / "state.db")
    with running("--state", state, "--seed", str(DEMO_SEED), NETRIS_PASSWORD="given") as (process, said):
        assert list(said) == ["NETRIS_URL", "NETRIS_USERNAME", "NETRIS_PASSWORD"]
        assert said["NETRIS_PASSWORD"] == "given"

        def create(number: int) -> int:
            with login(said) as client:  # ten at once, as official clients do
                body = {"name": f"v{number}", "tenant": {"id": 1}, "sites": [{"id": 1}], "vlan": "auto"}
                answer = client.post("/api/v2/vnet", json=body)
                assert answer.status_code == 200, answer.text
                return int(answer.json()["data"]["id"])

        with ThreadPoolExecutor(10) as pool:
            made = list(pool.map(create, range(20)))
        assert sorted(made) == list(range(1, 21))
        process.send_signal(signal.SIGKILL)
        process.wait()
    with running("--state", state) as (_, said), login(said) as client:
        vnets = client.get("/api/v2/vnet").json()["data"]
        assert sorted(vnet["vlan"] for vnet in vnets) == list(range(3, 23))


def test_process_refuses_bad_options(tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "fabric_lab.controller", *arguments],
            env={**os.environ, "PYTHONPATH": str(LAB)},
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
        assert done.returncode == 2
        return done.stderr

    assert "does not exist" in run("--seed", str(tmp_path / "none.yaml"))
    assert "Unknown knob" in run("--knob", "nonsense=1")

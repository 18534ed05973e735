"""The controller simulator as a process of the lab, and the environment that points Ansible at it."""

from __future__ import annotations

import json
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from fabric_lab.rack import keys, seed, topology
from fabric_lab.rack.topology import Rack
from fabric_lab.state import REPOSITORY, Lab, LabError, write_private
from fabric_lab.supervisor.client import Supervisor
from fabric_lab.supervisor.spec import ProcessSpec

NAME = "controller"
USERNAME = "netris"
_TLS_PORT = 8443
_LOCAL_PORT = 8440


def url(lab: Lab, rack: bool = True) -> str:
    """Where the controller listens: on the management network, or for level `controller` on this machine only."""
    return (
        f"https://{topology.operator_address(lab)}:{_TLS_PORT}"
        if rack
        else f"http://127.0.0.1:{_LOCAL_PORT + lab.slot}"
    )


def agent_token(lab: Lab) -> str:
    return keys.secret(lab, "agent_token")


def _seed_file(lab: Lab) -> Path:
    return lab.directory / "seed.yaml"


def write_seed(rack: Rack) -> bool:
    """Write which servers and cables there are; whether the same was written before."""
    path, text = _seed_file(rack.lab), seed.text(rack)
    known = path.exists() and path.read_text() == text
    path.write_text(text)
    return known


def process(lab: Lab, rack: bool) -> ProcessSpec:
    """The simulator's process. Secrets go by environment: a command line can be read by everybody."""
    where = (
        ["--host", topology.operator_address(lab), "--port", str(_TLS_PORT), "--agents", "required"]
        if rack
        else ["--host", "127.0.0.1", "--port", str(_LOCAL_PORT + lab.slot)]
    )
    if rack:
        certificate, key = keys.ensure_tls(lab)
        where += ["--tls-cert", str(certificate), "--tls-key", str(key)]
    return ProcessSpec(
        name=NAME,
        argv=[
            sys.executable,
            "-m",
            "fabric_lab.controller",
            *where,
            "--state",
            str(lab.directory / "controller.sqlite"),
            "--seed",
            str(_seed_file(lab)),
        ],
        env={
            "PYTHONPATH": str(REPOSITORY / "lab"),
            "NETRIS_USERNAME": USERNAME,
            "NETRIS_PASSWORD": keys.secret(lab, "password"),
            "NETRIS_AGENT_TOKEN": agent_token(lab),
        },
        log=str(lab.log_directory / "controller.log"),
    )


def write_environment(lab: Lab, rack: bool, more: Mapping[str, str]) -> None:
    """What `env` prints: everything that a play needs to find the lab, `more` of it from others."""
    values = {
        "NETRIS_URL": url(lab, rack),
        "NETRIS_USERNAME": USERNAME,
        "NETRIS_PASSWORD": keys.secret(lab, "password"),
        "FABRIC_LAB_NAME": lab.name,
        "FABRIC_LAB_NET": topology.management_network(lab),
        "FABRIC_LAB_DIR": str(lab.directory),
        "FABRIC_LAB_KEY": str(lab.ssh_key),
        "FABRIC_LAB_KNOWN_HOSTS": str(lab.known_hosts),
    }
    if rack:
        values["NETRIS_CA_PATH"] = str(lab.ca_file)
    values |= more
    write_private(lab.env_file, "".join(f"{key}={value}\n" for key, value in values.items()))


class Api:
    """A minimal client of the controller, for the lab's own questions."""

    def __init__(self, lab: Lab) -> None:
        values = dict(line.split("=", 1) for line in lab.env_file.read_text().splitlines())
        self._base = values["NETRIS_URL"]
        self._login = {"user": values["NETRIS_USERNAME"], "password": values["NETRIS_PASSWORD"], "auth_scheme_id": 1}
        handlers: list[urllib.request.BaseHandler] = [urllib.request.HTTPCookieProcessor()]
        if ca := values.get("NETRIS_CA_PATH"):
            handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ca)))
        self._opener = urllib.request.build_opener(*handlers)

    def login(self) -> None:
        self.request("POST", "/api/auth", self._login)

    def request(self, method: str, path: str, body: object = None) -> object:
        """Send a request; the `data` of the answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._base + path, data=data, method=method, headers={"Content-Type": "application/json"}
        )
        with self._opener.open(request, timeout=10) as answer:
            decoded: dict[str, object] = json.load(answer)
        return decoded.get("data")


def wait(lab: Lab, supervisor: Supervisor, timeout: float = 20) -> None:
    """Wait until the controller lets us in."""
    deadline = time.monotonic() + timeout
    api = Api(lab)
    while True:
        try:
            api.login()
        except urllib.error.HTTPError as error:
            raise LabError(f"the controller refuses the lab's own login: {error}") from None
        except OSError as error:
            state = supervisor.status()[NAME].state
            if time.monotonic() > deadline or state == "ended":
                log = Path(lab.log_directory) / "controller.log"
                raise LabError(f"the controller does not answer ({error}), see {log}") from None
            time.sleep(0.1)
        else:
            return

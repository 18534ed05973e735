"""A controller in the test's own process, and the few calls that most tests make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from fabric_lab.controller.app import create_app
from fabric_lab.controller.core import Controller, Settings
from fabric_lab.controller.seed import apply
from starlette.testclient import TestClient

DEMO_SEED = Path(__file__).parents[3] / "lab" / "rack" / "demo.seed.yaml"
TOKEN = "agents-only"
NICS = ["eth9", "eth10"]
AUTOMATIC = {
    "assignType": "auto",
    "allocation": "192.168.64.0/18",
    "childSubnetPrefixLength": 22,
    "hostnum": 1022,
}
HOST_GATEWAY = "192.168.55.254/21"


class Rack:
    """Client and controller together."""

    def __init__(self, seed: dict[str, Any] | None = None, state: Path | None = None, **knobs: Any) -> None:
        settings = Settings(state=state, password="secret", agent_token=TOKEN, knobs={"active_delay": 0, **knobs})
        self.controller = Controller(settings)
        apply(self.controller, seed)
        self.client = TestClient(create_app(self.controller), raise_server_exceptions=False)
        self.client.__enter__()

    def login(self) -> Rack:
        answer = self.client.post("/api/auth", json={"user": "netris", "password": "secret", "auth_scheme_id": 1})
        assert answer.status_code == 200
        return self

    def close(self) -> None:
        self.client.__exit__()

    # --- calls ---

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        answer = self.client.request(method, path, json=body)
        return answer.status_code, answer.json()

    def get(self, path: str) -> Any:
        status, body = self.call("GET", path)
        assert status == 200, body
        return body["data"]

    def post(self, path: str, **body: Any) -> int:
        status, answer = self.call("POST", path, body)
        assert status == 200, answer
        return int(answer["data"]["id"])

    def put(self, path: str, **body: Any) -> None:
        status, answer = self.call("PUT", path, body)
        assert status == 200, answer

    def delete(self, path: str) -> None:
        status, answer = self.call("DELETE", path)
        assert status == 200, answer

    def refused(self, method: str, path: str, body: Any = None, status: int = 400) -> str:
        """The message of a refusal."""
        got, answer = self.call(method, path, body)
        assert got == status, answer
        assert answer["isSuccess"] is False
        assert answer["data"] is None
        assert answer["meta"] == {"apiVersion": "v2", "statusCode": status}
        assert isinstance(answer["errors"], dict)
        return str(answer["message"])

    def knobs(self, **changes: Any) -> None:
        assert self.client.put("/lab/knobs", json=changes).status_code == 200

    def agent(self, since: int = 0, wait: float = 0) -> dict[str, Any]:
        answer = self.client.get(
            "/agent/v1/config",
            params={"switch": "leaf1", "since": since, "wait": wait},
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def report(self, generation: int, **parts: Any) -> int:
        body = {"switch": "leaf1", "generation": generation, "healthy": True, "message": "", **parts}
        answer = self.client.post("/agent/v1/report", json=body, headers={"Authorization": f"Bearer {TOKEN}"})
        return int(answer.status_code)

    # --- objects ---

    def device(self, name: str) -> int:
        return next(int(device["id"]) for device in self.get("/api/v2/hw") if device["name"] == name)

    def template(self, name: str, gateway: Any = None, nics: list[str] | None = None, **more: Any) -> int:
        entry: dict[str, Any] = {
            "postfix": "nodes",
            "type": "l2vpn",
            "vlan": "untagged",
            "vlanID": "auto",
            "serverNics": nics or NICS,
        }
        if gateway is not None:
            entry |= {"ipv4Gateway": gateway, "ipv4DhcpEnabled": True}
        return self.post("/api/v2/server-cluster-template", name=name, vnets=[entry | more])

    def cluster_body(self, name: str, template: int, servers: list[str] | None = None, **more: Any) -> dict[str, Any]:
        """Servers by name; a trailing ~ makes one shared."""
        return {
            "name": name,
            "admin": {"id": 1, "name": "Admin"},
            "site": {"id": 1, "name": "Default"},
            "vpc": {"id": 0, "name": "Create New"},
            "srvClusterTemplate": {"id": template, "name": ""},
            "tags": [],
            "servers": self.members(servers or []),
            **more,
        }

    def members(self, servers: list[str]) -> list[dict[str, Any]]:
        return [{"id": self.device(name.rstrip("~")), "name": "", "shared": name.endswith("~")} for name in servers]

    def cluster(self, name: str, template: int, servers: list[str] | None = None, **more: Any) -> dict[str, Any]:
        identifier = self.post("/api/v2/server-cluster", **self.cluster_body(name, template, servers, **more))
        return dict(self.get(f"/api/v2/server-cluster/{identifier}"))

    def vnet_of(self, cluster: dict[str, Any]) -> dict[str, Any]:
        return dict(self.get(f"/api/v2/vnet/{cluster['resources']['vnets'][0]['id']}"))

    def vnet(self, name: str, **more: Any) -> int:
        body = {"name": name, "tenant": {"id": 1}, "sites": [{"id": 1}], "state": "active", "vlan": "auto"}
        return self.post("/api/v2/vnet", **{**body, **more})


def demo_seed() -> dict[str, Any]:
    return dict(yaml.safe_load(DEMO_SEED.read_text()))

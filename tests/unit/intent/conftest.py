# SPDX-License-Identifier: Apache-2.0
"""The lab's intent as plain variables, for tests to break."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._intent import IntentError, Model, build_model
from ansible_collections.baremetal.fabric.plugins.plugin_utils.inventory_intent import find_chart

WIDE: dict[str, Any] = {
    "fabric_server_nics": ["eth9", "eth10"],
    "fabric_tenant_supernet": "192.168.64.0/18",
    "fabric_reserved_networks": [{"name": "management", "prefix": "10.77.0.0/16"}],
    "fabric_host_cluster": {
        "name": "host",
        "gateway": "192.168.55.254/21",
        "api_endpoint": "192.168.55.253:6443",
        "kubeconfig": "/lab/host.kubeconfig",
        "extra_servers": ["hostcp1"],
    },
}

GROUPS: dict[str, list[str]] = {
    "tenant_clusters": ["blue", "green"],
    "shared_servers": ["shared1", "shared2", "shared3"],
    "bare_metal": ["metal1", "metal2", "metal3"],
}

ASSIGNED = {"metal1": "blue", "metal2": "green"}


@dataclass
class Inventory:
    """Plain hostvars and groups, with the shortcuts that tests want."""

    groups: dict[str, list[str]] = field(default_factory=lambda: deepcopy(GROUPS))
    hostvars: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for hosts in self.groups.values():
            for host in hosts:
                self.hostvars[host] = deepcopy(WIDE)
        for server, tenant in ASSIGNED.items():
            self.hostvars[server]["fabric_tenant_cluster"] = tenant

    def set(self, host: str, **variables: Any) -> Inventory:
        self.hostvars[host].update(variables)
        return self

    def everywhere(self, **variables: Any) -> Inventory:
        for values in self.hostvars.values():
            values.update(deepcopy(variables))
        return self

    def host_cluster(self, **values: Any) -> Inventory:
        for hostvars in self.hostvars.values():
            hostvars["fabric_host_cluster"].update(values)
        return self

    def add(self, group: str, host: str, **variables: Any) -> Inventory:
        self.groups[group].append(host)
        self.hostvars.setdefault(host, deepcopy(WIDE)).update(variables)
        return self

    def model(self) -> Model:
        return build_model(self.hostvars, self.groups, find_chart=find_chart)

    def problems(self) -> dict[str, str]:
        """What is wrong, by path; the test fails when nothing is."""
        with pytest.raises(IntentError) as caught:
            self.model()
        return {problem.path: problem.message for problem in caught.value.problems}


@pytest.fixture
def inventory() -> Inventory:
    return Inventory()


@pytest.fixture
def only() -> Callable[[dict[str, str], str], str]:
    """The message at a path that must be the only one complained about."""

    def message(problems: dict[str, str], path: str) -> str:
        assert list(problems) == [path]
        return problems[path]

    return message

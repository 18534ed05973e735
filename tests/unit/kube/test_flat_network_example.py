# SPDX-License-Identifier: Apache-2.0
"""The example inventory says what the role takes, and what it says makes sense."""

from __future__ import annotations

import re
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network.flat_model import flat_network_from_options
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.calico import calico_installation
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.flat_network_rules import flat_network_mistakes
from fabric_lab.state import REPOSITORY

ROLE = REPOSITORY / "roles" / "l2_dhcp_network"
EXAMPLE = REPOSITORY / "inventories" / "l2-dhcp"
PREFIX = "l2_dhcp_network_"


def read(path: Any) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


def options() -> dict[str, Any]:
    """The example over the role's defaults; what is computed there follows from the distribution."""
    computed = {"attachment": "lan", "conf_dir": "/etc/cni/net.d", "bin_dir": "/opt/cni/bin"}
    values = {**read(ROLE / "defaults" / "main.yml"), **read(EXAMPLE / "group_vars" / "l2_dhcp_servers.yml")}
    return {**{key.removeprefix(PREFIX): value for key, value in values.items()}, **computed}


def test_the_example_is_what_the_role_takes() -> None:
    specification = read(ROLE / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]
    given = read(EXAMPLE / "group_vars" / "l2_dhcp_servers.yml")
    assert set(given) <= set(specification)
    assert ArgumentSpecValidator(specification).validate(given).error_messages == []


def test_every_option_has_a_default_and_every_default_is_an_option() -> None:
    entries = read(ROLE / "meta" / "argument_specs.yml")["argument_specs"].values()
    assert {name for entry in entries for name in entry["options"]} == set(read(ROLE / "defaults" / "main.yml"))


def test_the_example_makes_sense() -> None:
    assert flat_network_mistakes(options()) == []
    hosts = read(EXAMPLE / "hosts.yml")["all"]["children"]["l2_dhcp_servers"]["hosts"]
    assert len(hosts) == 2


def test_nodes_have_their_address_where_the_clusters_traffic_is() -> None:
    network = flat_network_from_options(options())
    assert network.cluster is not None
    installation = calico_installation(options()["calico"])["spec"]["calicoNetwork"]
    pattern = installation["nodeAddressAutodetectionV4"]["interface"]
    assert re.search(pattern, network.cluster.port.device()) and not re.search(pattern, network.bridge)
    assert network.cluster.addressing.route_metric < network.addressing.route_metric

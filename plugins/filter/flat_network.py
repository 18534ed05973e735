# SPDX-License-Identifier: Apache-2.0
"""A flat network with DHCP for roles; what the documents are made of is described beside each filter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import flat_network_rules
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents import calico, flat_network, rancher
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.common import DocumentError


def _named(name: str, build: Callable[..., Any]) -> Callable[..., Any]:
    def build_from(document: Any, *arguments: Any) -> Any:
        if not isinstance(document, dict):
            raise AnsibleFilterError(f"{name} takes a dictionary, not {type(document).__name__}")
        try:
            return build(document, *arguments)
        except (DocumentError, ValueError) as error:
            raise AnsibleFilterError(f"{name}: {error}") from error

    return build_from


def _standing(found: Any, name: str, network: str) -> Any:
    if not isinstance(found, list):
        raise AnsibleFilterError(f"flat_network_standing takes a list, not {type(found).__name__}")
    return flat_network.standing(found, name, network)


def _on_network(workloads: Any, network: str) -> Any:
    if not isinstance(workloads, list):
        raise AnsibleFilterError(f"on_network takes a list, not {type(workloads).__name__}")
    return [each for each in workloads if flat_network.uses(each, network)]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        found: dict[str, Callable[..., Any]] = {
            "flat_network_objects": flat_network.flat_network_objects,
            "flat_network_mistakes": flat_network_rules.flat_network_mistakes,
            "calico_installation": calico.calico_installation,
            "rancher_without_flannel": rancher.without_flannel,
            "network_patch": flat_network.patch,
            "with_network": flat_network.attached,
            "without_network": flat_network.detached,
        }
        return {
            "flat_network_standing": _standing,
            "on_network": _on_network,
            **{name: _named(name, build) for name, build in found.items()},
        }

# SPDX-License-Identifier: Apache-2.0
"""What Kamaji, or the rules of its CRD, would refuse one by one when the fabric is built already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._kamaji import spec_rules
from .._kube.documents.kamaji import control_plane_spec
from .model import TenantCluster
from .names import dns_label_mistake
from .problems import Problems


def check(tenant: TenantCluster, variables: Mapping[str, Any], problems: Problems) -> None:
    """Mistakes in the variables of one tenant cluster."""
    for machine in tenant.vm_nodes:
        problems.add(
            f"{machine}.fabric_tenant_cluster",
            f"{tenant.name} is run by Kamaji, which serves no join script, and a virtual machine joins by nothing else:"
            " give it to a tenant cluster of vCluster's",
        )
    mistake = None if dns_label_mistake(tenant.name) else spec_rules.name_mistake(tenant.name)
    if mistake:
        problems.add(tenant.name, mistake)
    version = variables.get("tenant_cluster_kubernetes_version")
    mistake = spec_rules.version_mistake(version)
    if mistake:
        problems.add(f"{tenant.name}.tenant_cluster_kubernetes_version", mistake)
    given = variables.get("tenant_cluster_kamaji")
    kamaji = given if isinstance(given, Mapping) else {}
    theirs = kamaji.get("spec")
    ours = control_plane_spec(
        {
            "name": tenant.name,
            "network_namespace": tenant.network_namespace,
            "vip": None,
            "port": tenant.api_port,
            "replicas": tenant.replicas,
            "pod_cidr": tenant.pod_cidr,
            "service_cidr": tenant.service_cidr,
            "kubernetes_version": version,
            "kamaji": {name: kamaji[name] for name in ("coredns", "kube_proxy", "konnectivity") if name in kamaji},
        }
    )
    for path, sentence in spec_rules.mistakes(ours, theirs if isinstance(theirs, Mapping) else {}):
        problems.add(f"{tenant.name}.tenant_cluster_kamaji.spec.{path}", sentence)

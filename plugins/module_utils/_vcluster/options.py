# SPDX-License-Identifier: Apache-2.0
"""The typed options of a control plane and the chart's keys that they set: what checks and documentation go by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .paths import Values, at

Release = tuple[int, int]

#: What was seen to work.
STAND_IN, CHART, RENDERED = "lab stand-in", "stand-in's chart, rendered", "rendered and validated only"
#: The real program with its own chart, on the lab.
OPEN_SOURCE = "vCluster's open-source server"
#: Everything that is not said to be newer was in this release, the oldest whose schema it was checked against.
OLDEST: Release = (0, 30)


@dataclass(frozen=True)
class Option:
    """A variable, with the suboption where it has some, and the keys of the chart that it sets."""

    name: str
    keys: tuple[str, ...]
    proven: str = RENDERED
    since: Release = OLDEST
    note: str = ""


_SET = "controlPlane.statefulSet"
_CLAIM = f"{_SET}.persistence.volumeClaim"
_STORE = "controlPlane.backingStore"
_ETCD = f"{_STORE}.etcd.deploy"
_ETCD_CLAIM = f"{_ETCD}.statefulSet.persistence.volumeClaim"
_DATABASE = f"{_STORE}.database.external"
_K8S = "controlPlane.distro.k8s"
_KONNECTIVITY = "controlPlane.advanced.konnectivity"
_FROM_HOST, _TO_HOST = "sync.fromHost", "sync.toHost"
_NODES = f"{_FROM_HOST}.nodes"
_IMAGE_PARTS = ("registry", "repository", "tag")


def _images(name: str, key: str, proven: str = RENDERED) -> tuple[Option, ...]:
    return tuple(Option(f"{name}.{part}", (f"{key}.{part}",), proven) for part in _IMAGE_PARTS)


OPTIONS: tuple[Option, ...] = (
    Option("tenant_cluster_replicas", (f"{_SET}.highAvailability.replicas",), STAND_IN),
    Option("tenant_cluster_api_port", ("controlPlane.endpoint", "exportKubeConfig.server"), STAND_IN),
    Option("tenant_cluster_pod_cidr", ("networking.podCIDR",), STAND_IN),
    Option("tenant_cluster_service_cidr", ("networking.serviceCIDR",), STAND_IN),
    Option("tenant_cluster_tolerations", (f"{_SET}.scheduling.tolerations",), CHART),
    Option("tenant_cluster_licence_secret", ("platform.apiKey.secretName",), since=(0, 32), note="before 0.32 the"
           " role writes external.platform.apiKey.secretName"),
    Option("tenant_cluster_kubernetes_version", (f"{_K8S}.version",), OPEN_SOURCE),
    Option("tenant_cluster_storage_size", (f"{_CLAIM}.size",), CHART),
    Option("tenant_cluster_storage_class", (f"{_CLAIM}.storageClass",), CHART),
    Option("tenant_cluster_storage.persistent", (f"{_CLAIM}.enabled",), OPEN_SOURCE),
    Option("tenant_cluster_storage.retention", (f"{_CLAIM}.retentionPolicy",), CHART),
    Option("tenant_cluster_backing_store.kind=embedded_etcd", (f"{_STORE}.etcd.embedded.enabled",), STAND_IN),
    Option("tenant_cluster_backing_store.kind=deployed_etcd", (f"{_ETCD}.enabled",), OPEN_SOURCE,
           note="its snapshots are not supported by the vendor"),
    Option("tenant_cluster_backing_store.kind=sqlite", (f"{_STORE}.database.embedded.enabled",), note="one replica"),
    Option("tenant_cluster_backing_store.kind=external_database", (f"{_DATABASE}.enabled",), note="no snapshots"),
    Option("tenant_cluster_backing_store.replicas", (f"{_ETCD}.statefulSet.highAvailability.replicas",)),
    *_images("tenant_cluster_backing_store.image", f"{_ETCD}.statefulSet.image"),
    Option("tenant_cluster_backing_store.persistent", (f"{_ETCD_CLAIM}.enabled",), OPEN_SOURCE),
    Option("tenant_cluster_backing_store.storage_size", (f"{_ETCD_CLAIM}.size",)),
    Option("tenant_cluster_backing_store.storage_class", (f"{_ETCD_CLAIM}.storageClass",)),
    Option("tenant_cluster_backing_store.data_source", (f"{_DATABASE}.dataSource",)),
    Option("tenant_cluster_backing_store.connector", (f"{_DATABASE}.connector",)),
    Option("tenant_cluster_backing_store.tls_secret",
           (*(f"{_DATABASE}.{each}" for each in ("caFile", "certFile", "keyFile")),
            f"{_SET}.persistence.addVolumes", f"{_SET}.persistence.addVolumeMounts")),
    Option("tenant_cluster_images.registry", ("controlPlane.advanced.defaultImageRegistry",)),
    *_images("tenant_cluster_images.control_plane", f"{_SET}.image", CHART),
    *_images("tenant_cluster_images.kubernetes", f"{_K8S}.image"),
    Option("tenant_cluster_images.pull_policy", (f"{_SET}.imagePullPolicy", f"{_K8S}.imagePullPolicy")),
    Option("tenant_cluster_images.pull_secrets", ("controlPlane.advanced.serviceAccount.imagePullSecrets",)),
    Option("tenant_cluster_resources.requests", (f"{_SET}.resources.requests",), CHART),
    Option("tenant_cluster_resources.limits", (f"{_SET}.resources.limits",), CHART),
    Option("tenant_cluster_priority_class", (f"{_SET}.scheduling.priorityClassName",), CHART),
    Option("tenant_cluster_extra_args.api_server", (f"{_K8S}.apiServer.extraArgs",), CHART),
    Option("tenant_cluster_extra_args.controller_manager", (f"{_K8S}.controllerManager.extraArgs",)),
    Option("tenant_cluster_extra_args.scheduler", (f"{_K8S}.scheduler.extraArgs",)),
    Option("tenant_cluster_dns.replicas", ("controlPlane.coredns.deployment.replicas",), CHART),
    Option("tenant_cluster_dns.image", ("controlPlane.coredns.deployment.image",), OPEN_SOURCE),
    Option("tenant_cluster_isolation.network_policy", ("policies.networkPolicy.enabled",)),
    Option("tenant_cluster_isolation.quota.enabled", ("policies.resourceQuota.enabled",), OPEN_SOURCE),
    Option("tenant_cluster_isolation.quota.hard", ("policies.resourceQuota.quota",), OPEN_SOURCE),
    Option("tenant_cluster_isolation.quota.room", (), note="for the check only"),
    Option("tenant_cluster_isolation.limits.enabled", ("policies.limitRange.enabled",), OPEN_SOURCE),
    Option("tenant_cluster_isolation.limits.default", ("policies.limitRange.default",), OPEN_SOURCE),
    Option("tenant_cluster_isolation.limits.default_request", ("policies.limitRange.defaultRequest",), OPEN_SOURCE),
    Option("tenant_cluster_isolation.limits.max", ("policies.limitRange.max",), OPEN_SOURCE),
    Option("tenant_cluster_isolation.limits.min", ("policies.limitRange.min",)),
    Option("tenant_cluster_isolation.pod_security", ("policies.podSecurityStandard",), OPEN_SOURCE),
    Option("tenant_cluster_addons.flannel", ("deploy.cni.flannel.enabled",), CHART),
    Option("tenant_cluster_addons.kube_proxy", ("deploy.kubeProxy.enabled",)),
    Option("tenant_cluster_addons.local_path", ("deploy.localPathProvisioner.enabled",)),
    Option("tenant_cluster_addons.konnectivity",
           (f"{_KONNECTIVITY}.server.enabled", f"{_KONNECTIVITY}.agent.enabled")),
    Option("tenant_cluster_addons.konnectivity_agents", (f"{_KONNECTIVITY}.agent.replicas",)),
    Option("tenant_cluster_addons.cloud_controller_manager",
           ("controlPlane.advanced.cloudControllerManager.enabled",)),
    Option("tenant_cluster_addons.metrics_server", ("deploy.metricsServer.enabled",)),
    Option("tenant_cluster_addons.metallb_addresses",
           ("deploy.metallb.enabled", "deploy.metallb.ipAddressPool.addresses")),
    Option("tenant_cluster_exposure.type", ("controlPlane.service.spec",), CHART),
    Option("tenant_cluster_exposure.node_port", ("controlPlane.service.httpsNodePort",)),
    Option("tenant_cluster_exposure.annotations", ("controlPlane.service.annotations",), CHART),
    Option("tenant_cluster_exposure.names", ("controlPlane.proxy.extraSANs",), CHART),
    Option("tenant_cluster_exposure.ingress.host", ("controlPlane.ingress.enabled", "controlPlane.ingress.host")),
    Option("tenant_cluster_exposure.ingress.class", ("controlPlane.ingress.spec",)),
    Option("tenant_cluster_exposure.ingress.annotations", ("controlPlane.ingress.annotations",)),
    Option("tenant_cluster_exposure.gateway.host", ("controlPlane.tlsRoute.enabled", "controlPlane.tlsRoute.host"),
           since=(0, 34)),
    Option("tenant_cluster_exposure.gateway.parents", ("controlPlane.tlsRoute.parentRefs",), since=(0, 34)),
    Option("tenant_cluster_host_nodes.show", (f"{_NODES}.enabled",), f"{OPEN_SOURCE} (labelled)",
           note="on shared nodes"),
    Option("tenant_cluster_host_nodes.labels", (f"{_NODES}.selector.labels",), note="on shared nodes"),
    Option("tenant_cluster_host_nodes.scheduler", (f"{_K8S}.scheduler.enabled",), note="on shared nodes"),
    Option("tenant_cluster_host_nodes.sync_back", (f"{_NODES}.syncBackChanges",), note="on shared nodes"),
    Option("tenant_cluster_sync.storage_classes",
           (f"{_FROM_HOST}.storageClasses.enabled",), note="on shared nodes; of the tenant's own:"
           " sync.toHost.storageClasses.enabled"),
    Option("tenant_cluster_sync.persistent_volumes", (f"{_TO_HOST}.persistentVolumes.enabled",),
           note="on shared nodes"),
    Option("tenant_cluster_sync.ingresses",
           (f"{_TO_HOST}.ingresses.enabled", f"{_FROM_HOST}.ingressClasses.enabled"), OPEN_SOURCE,
           note="on shared nodes; no controller answered"),
    Option("tenant_cluster_sync.names", ("networking.advanced.fallbackHostCluster",), OPEN_SOURCE,
           note="on shared nodes"),
    Option("tenant_cluster_sync.services_from_host", ("networking.replicateServices.fromHost",), OPEN_SOURCE,
           note="on shared nodes"),
    Option("tenant_cluster_sync.services_to_host", ("networking.replicateServices.toHost",), OPEN_SOURCE,
           note="on shared nodes"),
    Option("tenant_cluster_plugins", ("plugins",), note="on shared nodes"),
    Option("api_load_balancer_mode=kube_vip_embedded", ("controlPlane.advanced.kubeVip.enabled",)),
)  # fmt: skip


def too_new(values: Values, release: Release) -> Iterator[tuple[str, str]]:
    """Options that set keys which the chart's release does not have yet: the key, and what is wrong."""
    for option in OPTIONS:
        for key in option.keys:
            if option.since > release and at(values, key) is not None:
                yield key, f"vCluster has {option.name} since {option.since[0]}.{option.since[1]}"
                break

"""What the typed options of a control plane are in the values of vCluster's chart.

Each function translates the option of one variable. What is not set becomes nothing, so the chart's default holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .common import Document, merge, on_shared_nodes
from .fragments import fragment, merged, whole

Release = tuple[int, int]

EMBEDDED_ETCD, DEPLOYED_ETCD = "embedded_etcd", "deployed_etcd"
SQLITE, EXTERNAL_DATABASE = "sqlite", "external_database"
BACKING_STORES = (EMBEDDED_ETCD, DEPLOYED_ETCD, SQLITE, EXTERNAL_DATABASE)
EMBEDDED_KUBE_VIP = "kube_vip_embedded"

#: Where the certificates for an external database are in the control plane's pod.
DATABASE_CERTIFICATES = "/etc/vcluster-database"
#: The first release whose values have `platform` instead of `external.platform`.
PLATFORM_SINCE = (0, 32)


def parts(intent: Document, release: Release | None) -> list[tuple[str, Document]]:
    """For each variable that is set, its values; later ones win over earlier ones."""
    built = [
        ("tenant_cluster_storage", _storage(intent)),
        (
            "tenant_cluster_kubernetes_version",
            fragment("controlPlane.distro.k8s.version", intent.get("kubernetes_version")),
        ),
        ("tenant_cluster_licence_secret", _licence(intent.get("licence_secret"), release)),
        *((variable, translate(intent.get(key) or {})) for key, (variable, translate) in _TRANSLATED.items()),
        ("tenant_cluster_priority_class", _priority_class(intent)),
        ("api_load_balancer_mode", _endpoint_mode(intent)),
    ]
    return [(variable, values) for variable, values in built if values]


def backing_store_kind(intent: Document) -> str:
    """Embedded etcd needs the licence that private nodes need anyway; on shared nodes the chart's own default holds."""
    default = SQLITE if on_shared_nodes(intent) else EMBEDDED_ETCD
    return str((intent.get("backing_store") or {}).get("kind") or default)


def workload_kind(values: Document) -> str:
    """What the chart makes of the control plane: a StatefulSet where it has a volume or embedded etcd."""
    control_plane = values.get("controlPlane") or {}
    store = control_plane.get("backingStore") or {}
    persistence = (control_plane.get("statefulSet") or {}).get("persistence") or {}
    if _is(store, "etcd", "embedded") or persistence.get("volumeClaimTemplates"):
        return "StatefulSet"
    claim = str((persistence.get("volumeClaim") or {}).get("enabled", "auto")).lower()
    elsewhere = _is(store, "etcd", "deploy") or _is(store, "etcd", "external") or _is(store, "database", "external")
    return "StatefulSet" if claim == "true" or (claim == "auto" and not elsewhere) else "Deployment"


def _is(store: Mapping[str, Any], *path: str) -> bool:
    here: Any = store
    for name in path:
        here = (here or {}).get(name)
    return bool((here or {}).get("enabled"))


# --- where the state is --------------------------------------------------------------------------------------------


def _storage(intent: Document) -> Document:
    option = intent.get("storage") or {}
    claim = "controlPlane.statefulSet.persistence.volumeClaim"
    return merged(
        fragment(f"{claim}.size", intent.get("storage_size")),
        fragment(f"{claim}.storageClass", intent.get("storage_class")),
        fragment(f"{claim}.enabled", option.get("persistent")),
        fragment(f"{claim}.retentionPolicy", option.get("retention")),
    )


def _backing_store(option: Document) -> Document:
    kind = option.get("kind") or EMBEDDED_ETCD
    if kind == DEPLOYED_ETCD:
        return _deployed_etcd(option)
    if kind == SQLITE:
        return fragment("controlPlane.backingStore.database.embedded.enabled", True)
    if kind == EXTERNAL_DATABASE:
        return _external_database(option)
    return {}


def _deployed_etcd(option: Document) -> Document:
    etcd = "controlPlane.backingStore.etcd.deploy"
    claim = f"{etcd}.statefulSet.persistence.volumeClaim"
    return merged(
        fragment(f"{etcd}.enabled", True),
        fragment(f"{etcd}.statefulSet.highAvailability.replicas", whole(option.get("replicas"))),
        fragment(f"{etcd}.statefulSet.image", _image(option.get("image"))),
        fragment(f"{claim}.enabled", option.get("persistent")),
        fragment(f"{claim}.size", option.get("storage_size")),
        fragment(f"{claim}.storageClass", option.get("storage_class")),
    )


def _external_database(option: Document) -> Document:
    database = "controlPlane.backingStore.database.external"
    values = merged(
        fragment(f"{database}.enabled", True),
        fragment(f"{database}.dataSource", option.get("data_source")),
        fragment(f"{database}.connector", option.get("connector")),
    )
    if not option.get("tls_secret"):
        return values
    files = {"caFile": "ca.crt", "certFile": "tls.crt", "keyFile": "tls.key"}
    mount = {"name": "database-certificates", "mountPath": DATABASE_CERTIFICATES, "readOnly": True}
    volume = {"name": "database-certificates", "secret": {"secretName": option["tls_secret"], "defaultMode": 0o400}}
    return merged(
        values,
        *(fragment(f"{database}.{key}", f"{DATABASE_CERTIFICATES}/{name}") for key, name in files.items()),
        fragment("controlPlane.statefulSet.persistence.addVolumes", [volume]),
        fragment("controlPlane.statefulSet.persistence.addVolumeMounts", [mount]),
    )


# --- what runs, and with what --------------------------------------------------------------------------------------


def _image(option: Any) -> Document:
    return {key: value for key, value in (option or {}).items() if value not in (None, "")}


def _images(option: Document) -> Document:
    secrets = [{"name": name} for name in option.get("pull_secrets") or []]
    return merged(
        fragment("controlPlane.advanced.defaultImageRegistry", option.get("registry")),
        fragment("controlPlane.statefulSet.image", _image(option.get("control_plane"))),
        fragment("controlPlane.distro.k8s.image", _image(option.get("kubernetes"))),
        fragment("controlPlane.statefulSet.imagePullPolicy", option.get("pull_policy")),
        fragment("controlPlane.distro.k8s.imagePullPolicy", option.get("pull_policy")),
        fragment("controlPlane.advanced.serviceAccount.imagePullSecrets", secrets),
    )


def _resources(option: Document) -> Document:
    chosen = {key: option[key] for key in ("requests", "limits") if option.get(key)}
    return fragment("controlPlane.statefulSet.resources", chosen)


def _priority_class(intent: Document) -> Document:
    name = intent.get("priority_class")
    values = fragment("controlPlane.statefulSet.scheduling.priorityClassName", name)
    if name and backing_store_kind(intent) == DEPLOYED_ETCD:
        etcd = "controlPlane.backingStore.etcd.deploy.statefulSet.scheduling.priorityClassName"
        return merge(values, fragment(etcd, name))
    return values


def _extra_args(option: Document) -> Document:
    names = {"api_server": "apiServer", "controller_manager": "controllerManager", "scheduler": "scheduler"}
    return merged(
        *(
            fragment(f"controlPlane.distro.k8s.{key}.extraArgs", list(option.get(each) or []))
            for each, key in names.items()
        )
    )


def _dns(option: Document) -> Document:
    deployment = "controlPlane.coredns.deployment"
    return merged(
        fragment(f"{deployment}.replicas", whole(option.get("replicas"))),
        fragment(f"{deployment}.image", option.get("image")),
    )


def _licence(secret: Any, release: Release | None) -> Document:
    before = release is not None and release < PLATFORM_SINCE
    return fragment(f"{'external.' if before else ''}platform.apiKey.secretName", secret)


# --- who may do what -----------------------------------------------------------------------------------------------


def _isolation(option: Document) -> Document:
    quota, limits = option.get("quota") or {}, option.get("limits") or {}
    bounds = {"default": "default", "default_request": "defaultRequest", "max": "max", "min": "min"}
    return merged(
        fragment("policies.networkPolicy.enabled", option.get("network_policy")),
        fragment("policies.resourceQuota.enabled", _enabled(quota)),
        fragment("policies.resourceQuota.quota", quota.get("hard")),
        fragment("policies.limitRange.enabled", _enabled(limits)),
        *(fragment(f"policies.limitRange.{key}", limits.get(each)) for each, key in bounds.items()),
        fragment("policies.podSecurityStandard", option.get("pod_security")),
    )


def _enabled(option: Document) -> bool | None:
    """Whoever sets anything of it wants it, unless it says otherwise."""
    return option.get("enabled", True) if option else None


# --- what the tenant cluster gets ----------------------------------------------------------------------------------


def _addons(option: Document) -> Document:
    switches = {
        "flannel": ["deploy.cni.flannel.enabled"],
        "kube_proxy": ["deploy.kubeProxy.enabled"],
        "local_path": ["deploy.localPathProvisioner.enabled"],
        "metrics_server": ["deploy.metricsServer.enabled"],
        "cloud_controller_manager": ["controlPlane.advanced.cloudControllerManager.enabled"],
        "konnectivity": [f"controlPlane.advanced.konnectivity.{each}.enabled" for each in ("server", "agent")],
    }
    values = merged(*(fragment(path, option.get(each)) for each, paths in switches.items() for path in paths))
    agents = fragment("controlPlane.advanced.konnectivity.agent.replicas", whole(option.get("konnectivity_agents")))
    addresses = list(option.get("metallb_addresses") or [])
    metallb = {"enabled": True, "ipAddressPool": {"addresses": addresses}} if addresses else None
    return merged(values, agents, fragment("deploy.metallb", metallb))


def _exposure(option: Document) -> Document:
    ingress, gateway = option.get("ingress") or {}, option.get("gateway") or {}
    values = merged(
        fragment("controlPlane.service.spec.type", option.get("type")),
        fragment("controlPlane.service.httpsNodePort", whole(option.get("node_port"))),
        fragment("controlPlane.service.annotations", option.get("annotations")),
        fragment("controlPlane.proxy.extraSANs", list(option.get("names") or [])),
    )
    if ingress:
        values = merged(
            values,
            fragment("controlPlane.ingress", {"enabled": True, "host": ingress.get("host")}),
            fragment("controlPlane.ingress.spec.ingressClassName", ingress.get("class")),
            fragment("controlPlane.ingress.annotations", ingress.get("annotations")),
        )
    if gateway:
        route = {"enabled": True, "host": gateway.get("host"), "parentRefs": list(gateway.get("parents") or [])}
        values = merged(values, fragment("controlPlane.tlsRoute", route))
    return values


def _endpoint_mode(intent: Document) -> Document:
    """kube-vip in the control plane's own pods puts the VIP on their leg in the VLAN."""
    if intent.get("endpoint_mode") != EMBEDDED_KUBE_VIP:
        return {}
    kube_vip = {"enabled": True, "interface": "net1", "gateway": intent.get("gateway")}
    return fragment("controlPlane.advanced.kubeVip", {key: value for key, value in kube_vip.items() if value})


#: Of the control plane's intent: key, and the variable and the translation that belong to it.
_TRANSLATED: dict[str, tuple[str, Callable[[Document], Document]]] = {
    "backing_store": ("tenant_cluster_backing_store", _backing_store),
    "images": ("tenant_cluster_images", _images),
    "resources": ("tenant_cluster_resources", _resources),
    "extra_args": ("tenant_cluster_extra_args", _extra_args),
    "dns": ("tenant_cluster_dns", _dns),
    "isolation": ("tenant_cluster_isolation", _isolation),
    "addons": ("tenant_cluster_addons", _addons),
    "exposure": ("tenant_cluster_exposure", _exposure),
}

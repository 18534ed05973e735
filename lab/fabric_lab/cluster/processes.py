"""The control plane as processes of the lab, in the namespace behind the outside port of the leaf. Pure."""

from __future__ import annotations

import os
import sys

from fabric_lab.build import binaries
from fabric_lab.cluster.settings import ETCD, PORT, Cluster
from fabric_lab.state import REPOSITORY, cache_dir
from fabric_lab.supervisor.spec import ProcessSpec

ETCD_NAME = "host-etcd"
API_SERVER = "host-apiserver"
CONTROLLER_MANAGER = "host-controller-manager"
SCHEDULER = "host-scheduler"
ROUTES = "host-routes"
VIRTUAL_MACHINES = "standin-kubevirt"
NAMES = (ETCD_NAME, API_SERVER, CONTROLLER_MANAGER, SCHEDULER, ROUTES, VIRTUAL_MACHINES)
CONTROLLER_MANAGER_PORT = 10257
SCHEDULER_PORT = 10259


def _spec(cluster: Cluster, name: str, program: str, arguments: list[str]) -> ProcessSpec:
    return ProcessSpec(
        name=name,
        argv=[str(binaries.directory() / program), *arguments],
        log=str(cluster.lab.log_directory / f"{name}.log"),
        netns=cluster.lab.control_plane_netns,
        restart="always",
        stop_timeout=15,
    )


def etcd(cluster: Cluster) -> ProcessSpec:
    peer = "http://127.0.0.1:2380"
    return _spec(
        cluster,
        ETCD_NAME,
        "etcd",
        [
            "--name=host",
            f"--data-dir={cluster.directory / 'etcd'}",
            f"--listen-client-urls={ETCD}",
            f"--advertise-client-urls={ETCD}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=host={peer}",
            # survives the end of the process; the end of the machine ends the lab anyway
            "--unsafe-no-fsync",
        ],
    )


def api_server(cluster: Cluster) -> ProcessSpec:
    pki = cluster.pki
    return _spec(
        cluster,
        API_SERVER,
        "kube-apiserver",
        [
            f"--advertise-address={cluster.address}",
            "--bind-address=0.0.0.0",
            f"--secure-port={PORT}",
            "--allow-privileged=true",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--enable-bootstrap-token-auth=true",
            f"--etcd-servers={ETCD}",
            f"--service-cluster-ip-range={cluster.service_cidr}",
            f"--client-ca-file={pki / 'ca.crt'}",
            f"--tls-cert-file={pki / 'apiserver.crt'}",
            f"--tls-private-key-file={pki / 'apiserver.key'}",
            f"--kubelet-client-certificate={pki / 'apiserver-kubelet-client.crt'}",
            f"--kubelet-client-key={pki / 'apiserver-kubelet-client.key'}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--proxy-client-cert-file={pki / 'front-proxy-client.crt'}",
            f"--proxy-client-key-file={pki / 'front-proxy-client.key'}",
            f"--requestheader-client-ca-file={pki / 'front-proxy-ca.crt'}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={pki / 'sa.pub'}",
            f"--service-account-signing-key-file={pki / 'sa.key'}",
        ],
    )


def _client(cluster: Cluster, name: str, port: int) -> list[str]:
    kubeconfig = cluster.component_kubeconfig(name)
    return [
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        "--leader-elect=false",
    ]


def controller_manager(cluster: Cluster) -> ProcessSpec:
    pki = cluster.pki
    return _spec(
        cluster,
        CONTROLLER_MANAGER,
        "kube-controller-manager",
        [
            *_client(cluster, "controller-manager", CONTROLLER_MANAGER_PORT),
            "--allocate-node-cidrs=true",
            f"--cluster-cidr={cluster.pod_cidr}",
            f"--service-cluster-ip-range={cluster.service_cidr}",
            "--cluster-name=host",
            f"--client-ca-file={pki / 'ca.crt'}",
            f"--requestheader-client-ca-file={pki / 'front-proxy-ca.crt'}",
            f"--root-ca-file={pki / 'ca.crt'}",
            f"--cluster-signing-cert-file={pki / 'ca.crt'}",
            f"--cluster-signing-key-file={pki / 'ca.key'}",
            f"--service-account-private-key-file={pki / 'sa.key'}",
            "--controllers=*,bootstrapsigner,tokencleaner",
            "--use-service-account-credentials=true",
        ],
    )


def scheduler(cluster: Cluster) -> ProcessSpec:
    return _spec(cluster, SCHEDULER, "kube-scheduler", _client(cluster, "scheduler", SCHEDULER_PORT))


def routes(cluster: Cluster) -> ProcessSpec:
    """The way from the control plane to the pods: through their nodes."""
    kubeconfig = cluster.component_kubeconfig("kube-proxy")
    return _spec(cluster, ROUTES, "lab/standin-cni", [f"--kubeconfig={kubeconfig}"])


def virtual_machines(cluster: Cluster) -> ProcessSpec:
    """The stand-in for KubeVirt and CDI, outside of the cluster: what it starts are machines of the lab."""
    return ProcessSpec(
        name=VIRTUAL_MACHINES,
        argv=["nice", "-n", "5", sys.executable, "-m", "fabric_lab.standin_kubevirt", cluster.lab.name],
        log=str(cluster.lab.log_directory / f"{VIRTUAL_MACHINES}.log"),
        env={
            name: value
            for name, value in (
                ("PYTHONPATH", str(REPOSITORY / "lab")),
                ("FABRIC_CACHE", str(cache_dir())),
                ("FABRIC_SCHEMAS", os.environ.get("FABRIC_SCHEMAS", "")),
            )
            if value
        },
        restart="always",
    )


def all_of(cluster: Cluster) -> list[ProcessSpec]:
    """In the order in which they are started."""
    return [
        etcd(cluster),
        api_server(cluster),
        controller_manager(cluster),
        scheduler(cluster),
        routes(cluster),
        virtual_machines(cluster),
    ]

"""Certificates, kubeconfigs and tokens of the host cluster: kubeadm's own phases, run from outside of any node."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from typing import Any

from fabric_lab.build import binaries
from fabric_lab.build.components import KUBERNETES
from fabric_lab.cluster.settings import CONTAINERD_SOCKET, ETCD, PORT, Cluster
from fabric_lab.run import run
from fabric_lab.state import LabError, write_private


def program(name: str) -> str:
    return str(binaries.directory() / name)


def configuration(cluster: Cluster) -> str:
    """What kubeadm is told, as a stream of JSON documents (which are YAML)."""
    documents: list[dict[str, Any]] = [
        {
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "InitConfiguration",
            "localAPIEndpoint": {"advertiseAddress": cluster.address, "bindPort": PORT},
            # no node has this name; kubeadm wants one to be given
            "nodeRegistration": {"name": "host-control-plane", "criSocket": CONTAINERD_SOCKET},
        },
        {
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "ClusterConfiguration",
            "clusterName": "host",
            "kubernetesVersion": KUBERNETES,
            "certificatesDir": str(cluster.pki),
            "controlPlaneEndpoint": cluster.endpoint,
            "encryptionAlgorithm": "ECDSA-P256",
            "networking": {
                "podSubnet": cluster.pod_cidr,
                "serviceSubnet": cluster.service_cidr,
                "dnsDomain": "cluster.local",
            },
            "etcd": {"external": {"endpoints": [ETCD]}},
            "apiServer": {"certSANs": ["127.0.0.1", "localhost", cluster.address, cluster.operator_address]},
        },
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "cgroupDriver": "systemd",
            # the certificates above lie elsewhere than on the nodes
            "authentication": {"x509": {"clientCAFile": "/etc/kubernetes/pki/ca.crt"}},
            "clusterDNS": [cluster.dns_address],
            "clusterDomain": "cluster.local",
            # an image that is cleared away could not be fetched again: the lab has no registry
            "imageGCHighThresholdPercent": 100,
            # watching its own resources is most of what an idle kubelet does, and system calls are dear here
            "volumeStatsAggPeriod": "-1s",
            "evictionHard": dict.fromkeys(
                (
                    "memory.available",
                    "nodefs.available",
                    "nodefs.inodesFree",
                    "imagefs.available",
                    "imagefs.inodesFree",
                ),
                "0%",
            ),
        },
    ]
    return "---\n".join(json.dumps(document, indent=1) + "\n" for document in documents)


def _in_namespace(cluster: Cluster, *argv: str) -> str:
    return run(["nsenter", f"--net=/run/netns/{cluster.lab.control_plane_netns}", "--", *argv])


def _kubeadm(cluster: Cluster, *arguments: str) -> str:
    return _in_namespace(cluster, program("kubeadm"), *arguments)


def ensure_files(cluster: Cluster) -> bool:
    """Make the configuration, certificates and kubeconfigs that are missing; True when there was something to do."""
    text = configuration(cluster)
    if cluster.configuration.exists() and cluster.configuration.read_text() != text:
        raise LabError(
            f"the host cluster of lab {cluster.lab.name!r} was made with other settings ({cluster.configuration}): "
            "take the lab down to make it anew"
        )
    complete = cluster.operator_kubeconfig.exists() and cluster.configuration.exists()
    if complete:
        return False
    cluster.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    # the last file is the mark that all are there: a run that was interrupted starts over
    shutil.rmtree(cluster.pki, ignore_errors=True)
    draft = cluster.directory / "draft.yaml"
    write_private(draft, text)
    _kubeadm(cluster, "init", "phase", "certs", "all", "--config", str(draft))
    folder = ["--kubeconfig-dir", str(cluster.directory)]
    for path in cluster.directory.glob("*.conf"):
        path.unlink()
    for name in ("admin", "super-admin", "controller-manager", "scheduler"):
        _kubeadm(cluster, "init", "phase", "kubeconfig", name, "--config", str(draft), *folder)
    # may watch nodes, which is all that the routes between them need too
    proxy = ["--client-name", "system:kube-proxy", "--config", str(draft), "--validity-period", "8760h"]
    write_private(cluster.component_kubeconfig("kube-proxy"), _kubeadm(cluster, "kubeconfig", "user", *proxy))
    admin = cluster.component_kubeconfig("super-admin").read_text()
    server = f"https://{cluster.endpoint}"
    if server not in admin:
        raise LabError(f"kubeadm wrote a kubeconfig without {server}")
    draft.replace(cluster.configuration)
    write_private(cluster.operator_kubeconfig, admin.replace(server, f"https://{cluster.operator_address}:{PORT}"))
    return True


def upload(cluster: Cluster) -> None:
    """Put what joining nodes read into the running cluster."""
    admin = str(cluster.component_kubeconfig("super-admin"))
    common = ["--config", str(cluster.configuration), "--kubeconfig", admin]
    _kubeadm(cluster, "init", "phase", "upload-config", "all", *common)
    _kubeadm(cluster, "init", "phase", "bootstrap-token", *common, "--skip-token-print")


def create_token(cluster: Cluster, ttl: str) -> str:
    """A bootstrap token that ends by itself."""
    kubeconfig = str(cluster.operator_kubeconfig)
    return run([program("kubeadm"), "token", "create", "--ttl", ttl, "--kubeconfig", kubeconfig]).strip()


def ca_hash(cluster: Cluster) -> str:
    """The hash of the CA's public key that joining nodes pin."""
    public = run(["openssl", "x509", "-in", str(cluster.pki / "ca.crt"), "-noout", "-pubkey"])
    done = subprocess.run(
        ["openssl", "pkey", "-pubin", "-outform", "der"], input=public.encode(), capture_output=True, check=True
    )
    return "sha256:" + hashlib.sha256(done.stdout).hexdigest()

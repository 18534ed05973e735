"""What the lab needs: one entry per Go module, its version, its programs, where a release can be had. Pure data."""

from __future__ import annotations

from dataclasses import dataclass

KUBERNETES = "v1.36.3"
# the minor before: what a tenant cluster is upgraded from
FORMER_KUBERNETES = "v1.35.4"
ETCD = "v3.6.16"
CNI_PLUGINS = "v1.9.1"
MULTUS = "v4.3.0"
WHEREABOUTS = "v0.9.4"
HELM = "v3.22.0"
COREDNS = "v1.14.0"
VCLUSTER = "v0.36.1"
# one version for everything that is the lab's own; it is the tag of the stand-ins' images
STANDIN = "0.1.0"


@dataclass(frozen=True)
class Release:
    """A published file with the program in it, and where its publisher says what its checksum is."""

    url: str
    member: str = ""  # path inside an archive; empty: the file is the program
    checksum_url: str = ""  # default: the URL with ".sha256"

    @property
    def checksum(self) -> str:
        return self.checksum_url or self.url + ".sha256"


@dataclass(frozen=True)
class Program:
    """One executable below ``.cache/bin``."""

    path: str
    package: str
    release: Release | None = None


@dataclass(frozen=True)
class Component:
    """One Go module of ``lab/go`` and the programs built from it."""

    name: str
    version: str
    programs: tuple[Program, ...]
    ldflags: tuple[str, ...] = ()


def _kubernetes(version: str, module: str, programs: tuple[str, ...], folder: str = "") -> Component:
    # the same values that a release carries; the build date is fixed, so that a build is reproducible
    major, minor, _ = version.removeprefix("v").split(".")
    values = {
        "gitVersion": version,
        "gitMajor": major,
        "gitMinor": minor,
        "gitCommit": "0" * 40,
        "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z",
    }
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    base = f"https://dl.k8s.io/release/{version}/bin/linux/amd64"
    return Component(
        module,
        version,
        tuple(
            Program(f"{folder}{name}", f"k8s.io/kubernetes/cmd/{name}", Release(f"{base}/{name}")) for name in programs
        ),
        tuple(f"-X {package}.{key}={value}" for package in packages for key, value in values.items()),
    )


def _etcd() -> Component:
    base = f"https://github.com/etcd-io/etcd/releases/download/{ETCD}"
    archive = f"etcd-{ETCD}-linux-amd64"
    return Component(
        "etcd",
        ETCD,
        tuple(
            Program(name, package, Release(f"{base}/{archive}.tar.gz", f"{archive}/{name}", f"{base}/SHA256SUMS"))
            for name, package in (("etcd", "go.etcd.io/etcd/server/v3"), ("etcdctl", "go.etcd.io/etcd/etcdctl/v3"))
        ),
    )


def _cni_plugins() -> Component:
    package = "github.com/containernetworking/plugins/plugins"
    base = f"https://github.com/containernetworking/plugins/releases/download/{CNI_PLUGINS}"
    url = f"{base}/cni-plugins-linux-amd64-{CNI_PLUGINS}.tgz"
    groups = {
        "main": ("bridge", "loopback"),
        "ipam": ("dhcp", "host-local", "static"),
        "meta": ("portmap", "tuning"),
    }
    return Component(
        "cni-plugins",
        CNI_PLUGINS,
        tuple(
            Program(f"cni/{name}", f"{package}/{group}/{name}", Release(url, name))
            for group, names in groups.items()
            for name in names
        ),
    )


def _multus() -> Component:
    package = "gopkg.in/k8snetworkplumbingwg/multus-cni.v4/cmd"
    places = {
        "multus": "cni/multus",
        "thin_entrypoint": "multus/thin_entrypoint",
        "install_multus": "multus/install_multus",
        "passthru-cni": "multus/passthru",
    }
    return Component("multus", MULTUS, tuple(Program(path, f"{package}/{name}") for name, path in places.items()))


def _whereabouts() -> Component:
    package = "github.com/k8snetworkplumbingwg/whereabouts/cmd"
    return Component(
        "whereabouts",
        WHEREABOUTS,
        (
            Program("cni/whereabouts", package),
            Program("whereabouts/ip-control-loop", f"{package}/controlloop"),
            Program("whereabouts/ip-reconciler", f"{package}/reconciler"),
        ),
    )


def _helm() -> Component:
    release = Release(f"https://get.helm.sh/helm-{HELM}-linux-amd64.tar.gz", "linux-amd64/helm",
                      f"https://get.helm.sh/helm-{HELM}-linux-amd64.tar.gz.sha256sum")  # fmt: skip
    return Component("helm", HELM, (Program("helm", "helm.sh/helm/v3/cmd/helm", release),))


def _coredns() -> Component:
    number = COREDNS.removeprefix("v")
    url = f"https://github.com/coredns/coredns/releases/download/{COREDNS}/coredns_{number}_linux_amd64.tgz"
    return Component("coredns", COREDNS, (Program("coredns", "github.com/coredns/coredns", Release(url, "coredns")),))


def _vcluster() -> Component:
    """The open-source server: tenant clusters whose pods run on the host cluster's nodes."""
    number = VCLUSTER.removeprefix("v")
    return Component(
        "vcluster",
        VCLUSTER,
        (Program("vcluster/vcluster", "github.com/loft-sh/vcluster/cmd/vcluster"),),
        (f"-X github.com/loft-sh/vcluster/pkg/telemetry.SyncerVersion={number}",),
    )


def _vcluster_cli() -> Component:
    number = VCLUSTER.removeprefix("v")
    # Not embedded here: the chart, which a release carries along. It is named by its path.
    return Component(
        "vcluster-cli",
        VCLUSTER,
        (Program("vcluster/vcluster-cli", "github.com/loft-sh/vcluster/cmd/vclusterctl"),),
        (f"-X main.version={number}", f"-X github.com/loft-sh/vcluster/pkg/telemetry.SyncerVersion={number}"),
    )


def _own(name: str) -> Component:
    return Component(name, STANDIN, (Program(f"lab/{name}", f"lab.local/{name}"),))


#: Of Kubernetes: what a tenant control plane is made of, and what its nodes download.
CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
NODE = ("kubelet", "kubeadm", "kube-proxy")
FORMER_FOLDER = "former/"

OWN = (
    "standin-pause",
    "lab-web",
    "standin-cni",
    "standin-local-path",
    "standin-kube-vip",
    "standin-envoy",
    "standin-vcluster",
)

COMPONENTS: tuple[Component, ...] = (
    _etcd(),
    _kubernetes(KUBERNETES, "kubernetes", (*NODE, "kubectl", *CONTROL_PLANE)),
    _kubernetes(FORMER_KUBERNETES, "kubernetes-former", (*NODE, *CONTROL_PLANE), FORMER_FOLDER),
    _cni_plugins(),
    _multus(),
    _whereabouts(),
    _helm(),
    _coredns(),
    _vcluster(),
    _vcluster_cli(),
    *(_own(name) for name in OWN),
)

#: What only some tests need: not among `all`, since it takes minutes to compile.
EXTRAS = ("kubernetes-former", "vcluster", "vcluster-cli")

"""The lab's container images: which files are in them, and bringing ``.cache/images`` up to date."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fabric_lab.build import binaries, components, debian
from fabric_lab.build.oci import Entry, Settings, write_image
from fabric_lab.build.progress import step
from fabric_lab.build.stamp import Stamps, fingerprint
from fabric_lab.state import REPOSITORY, cache_dir

SOURCES = REPOSITORY / "lab" / "images"
PAUSE = "lab.local/pause:1"
WEB = "lab.local/web:1"
COREDNS = f"registry.k8s.io/coredns/coredns:{components.COREDNS}"
MULTUS = f"ghcr.io/k8snetworkplumbingwg/multus-cni:{components.MULTUS}"
WHEREABOUTS = f"ghcr.io/k8snetworkplumbingwg/whereabouts:{components.WHEREABOUTS}"
LOCAL_PATH = f"lab.local/standin-local-path:{components.STANDIN}"
KUBE_VIP = f"lab.local/standin-kube-vip:{components.STANDIN}"
ENVOY = f"lab.local/standin-envoy:{components.STANDIN}"
# vCluster's open-source server, under the names that its chart gives to the images
OPEN_VCLUSTER = f"ghcr.io/loft-sh/vcluster-oss:{components.VCLUSTER.removeprefix('v')}"
KUBERNETES = f"ghcr.io/loft-sh/kubernetes:{components.KUBERNETES}"
ETCD = f"registry.k8s.io/etcd:{components.ETCD.removeprefix('v')}-0"
VCLUSTER = f"lab.local/standin-vcluster:{components.STANDIN}"
# the same with the Kubernetes of the minor before; the lab's chart names it so when it is asked for that version
FORMER_VCLUSTER = f"{VCLUSTER}-{components.FORMER_KUBERNETES.removeprefix('v')}"

#: Images that only some tests need.
EXTRAS = (OPEN_VCLUSTER, KUBERNETES, ETCD, FORMER_VCLUSTER)

# images that a node of a tenant cluster gets with its programs
BUNDLED = (PAUSE, COREDNS, WEB)

_PATH = {"PATH": "/bin:/usr/sbin:/"}
_ACCOUNTS = (
    Entry("etc/passwd", content=b"root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n", mode=0o644),
    Entry("etc/group", content=b"root:x:0:\nnogroup:x:65534:\n", mode=0o644),
    Entry("etc/nsswitch.conf", content=b"hosts: files dns\n", mode=0o644),
    Entry("tmp/.keep", content=b"", mode=0o644),
)


@dataclass(frozen=True)
class Image:
    """An image: its reference, the components it is made of, and its layers (big and stable ones first)."""

    reference: str
    components: tuple[str, ...]
    layers: Callable[[], Sequence[Sequence[Entry]]]
    settings: Settings

    @property
    def extra(self) -> bool:
        return self.reference in EXTRAS

    @property
    def archive(self) -> str:
        return self.reference.replace("/", "_").replace(":", "_") + ".tar"


def _bin(path: str, target: str) -> Entry:
    return Entry(target, binaries.directory() / path)


def _script(name: str, target: str) -> Entry:
    return Entry(target, SOURCES / name)


def _pause() -> list[list[Entry]]:
    return [[_bin("lab/standin-pause", "pause")]]


def _web() -> list[list[Entry]]:
    return [[_bin("lab/lab-web", "web"), *_ACCOUNTS, *debian.busybox(debian.tree())]]


def _coredns() -> list[list[Entry]]:
    return [[_bin("coredns", "coredns"), *_ACCOUNTS]]


def _multus() -> list[list[Entry]]:
    # the places that upstream's image has, which its manifests and its installer rely on
    return [
        [
            _bin("cni/multus", "usr/src/multus-cni/bin/multus"),
            _bin("multus/passthru", "usr/src/multus-cni/bin/passthru"),
            _bin("multus/thin_entrypoint", "thin_entrypoint"),
            _bin("multus/install_multus", "install_multus"),
            *_ACCOUNTS,
        ]
    ]


def _whereabouts() -> list[list[Entry]]:
    return [
        [
            _bin("cni/whereabouts", "whereabouts"),
            _bin("whereabouts/ip-control-loop", "ip-control-loop"),
            _bin("whereabouts/ip-reconciler", "ip-reconciler"),
            _script("whereabouts/install-cni.sh", "install-cni.sh"),
            _script("whereabouts/token-watcher.sh", "token-watcher.sh"),
            *_ACCOUNTS,
            *debian.busybox(debian.tree()),
        ]
    ]


def _local_path() -> list[list[Entry]]:
    return [[_bin("lab/standin-local-path", "standin-local-path"), *_ACCOUNTS]]


def _kube_vip() -> list[list[Entry]]:
    return [[_bin("lab/standin-kube-vip", "kube-vip"), *_ACCOUNTS, *debian.busybox(debian.tree())]]


def _envoy() -> list[list[Entry]]:
    root = debian.tree()
    proxy = debian.program(root, "/usr/sbin/haproxy")
    return [[*proxy, *_ACCOUNTS, *debian.busybox(root)], [_bin("lab/standin-envoy", "usr/local/bin/envoy")]]


def _packed(source: Path, checksum: str) -> Path:
    """The file in gzip's format, made once per content."""
    folder = directory() / "packed"
    target = folder / f"{source.name}-{checksum}.gz"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        for former in folder.glob(f"{source.name}-{'?' * 64}.gz"):
            former.unlink()
        new = target.with_suffix(".new")
        # no name and no time inside, so that the same content gives the same file
        with source.open("rb") as plain, new.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
            shutil.copyfileobj(plain, packed, 1 << 20)
        new.replace(target)
    return target


def _vcluster(folder: str = "") -> list[list[Entry]]:
    """With the programs of Kubernetes in that folder of ``.cache/bin``."""
    control_plane = [_bin(name, f"bin/{name}") for name in ("etcd", "etcdctl")]
    control_plane += [_bin(f"{folder}{name}", f"bin/{name}") for name in (*components.CONTROL_PLANE, "kubeadm")]
    # what a joining node downloads, packed: the way through the lab's virtual switches is slow
    programs = {f"bin/{name}": f"{folder}{name}" for name in components.NODE}
    programs["bin/standin-cni"] = "lab/standin-cni"
    programs |= {f"cni/{name}": f"cni/{name}" for name in ("bridge", "host-local", "loopback", "portmap")}
    bundle: list[Entry] = []
    manifest: list[str] = []
    for path, source in programs.items():
        checksum = binaries.checksum(source)
        bundle.append(Entry(f"bundle/{path}.gz", _packed(binaries.directory() / source, checksum), mode=0o644))
        manifest.append(f"{checksum} {path}")
    for reference in BUNDLED:
        archive = find(reference).archive
        stamp = Stamps(directory()).read(archive)
        bundle.append(Entry(f"bundle/images/{archive}.gz", _packed(directory() / archive, stamp["sha256"]), mode=0o644))
        manifest.append(f"{stamp['sha256']} images/{archive} {reference}@{stamp['digest']}")
    bundle.append(Entry("bundle/manifest", content=("\n".join(manifest) + "\n").encode(), mode=0o644))
    small = [
        _bin("lab/standin-vcluster", "standin-vcluster"),
        Entry("vcluster", link="standin-vcluster"),
        *_ACCOUNTS,
        *debian.busybox(debian.tree()),
    ]
    return [control_plane, bundle, small]


def _open_vcluster() -> list[list[Entry]]:
    return [[_bin("vcluster/vcluster", "vcluster"), *_ACCOUNTS, *debian.busybox(debian.tree())]]


def _kubernetes() -> list[list[Entry]]:
    # an init container of the chart copies this directory
    return [
        [_bin(name, f"kubernetes/{name}") for name in components.CONTROL_PLANE],
        [*_ACCOUNTS, *debian.busybox(debian.tree())],
    ]


def _etcd() -> list[list[Entry]]:
    return [[_bin("etcd", "usr/local/bin/etcd"), _bin("etcdctl", "usr/local/bin/etcdctl"), *_ACCOUNTS]]


_STANDIN = ("etcd", "cni-plugins", "coredns", "standin-cni", "standin-vcluster", "standin-pause", "lab-web")

# in the order of dependence: the tenant control plane's image carries the archives of some others
IMAGES: tuple[Image, ...] = (
    Image(PAUSE, ("standin-pause",), _pause, Settings(("/pause",))),
    Image(WEB, ("lab-web",), _web, Settings(("/web",), environment=_PATH)),
    Image(COREDNS, ("coredns",), _coredns, Settings(("/coredns",))),
    Image(MULTUS, ("multus",), _multus, Settings(("/thin_entrypoint",))),
    Image(WHEREABOUTS, ("whereabouts",), _whereabouts, Settings((), ("/install-cni.sh",), _PATH)),
    Image(LOCAL_PATH, ("standin-local-path",), _local_path, Settings(("/standin-local-path",))),
    Image(KUBE_VIP, ("standin-kube-vip",), _kube_vip, Settings(("/kube-vip",), environment=_PATH)),
    Image(ENVOY, ("standin-envoy",), _envoy, Settings(("/usr/local/bin/envoy",), environment=_PATH)),
    Image(VCLUSTER, ("kubernetes", *_STANDIN), _vcluster, Settings(("/standin-vcluster",), environment=_PATH)),
    Image(
        FORMER_VCLUSTER,
        ("kubernetes-former", *_STANDIN),
        lambda: _vcluster(components.FORMER_FOLDER),
        Settings(("/standin-vcluster",), environment=_PATH),
    ),
    Image(OPEN_VCLUSTER, ("vcluster",), _open_vcluster, Settings(("/vcluster", "start"), environment=_PATH)),
    Image(KUBERNETES, ("kubernetes",), _kubernetes, Settings((), environment=_PATH)),
    Image(ETCD, ("etcd",), _etcd, Settings((), ("etcd",), {"PATH": "/usr/local/bin"})),
)


def directory() -> Path:
    return cache_dir() / "images"


def find(reference: str) -> Image:
    return next(image for image in IMAGES if image.reference == reference)


def _image_fingerprint(image: Image, layers: Sequence[Sequence[Entry]]) -> str:
    """Programs count by their recorded checksum: hashing hundreds of megabytes on every run would cost seconds."""
    texts = [image.reference, repr(image.settings)]
    root = binaries.directory()
    for layer in layers:
        for entry in layer:
            texts.append(f"{entry.path} {entry.mode:o} {entry.link}")
            if entry.source is None:
                texts.append(entry.content.decode())
            elif entry.source.is_relative_to(root):
                texts.append(binaries.checksum(str(entry.source.relative_to(root))))
            elif entry.source.is_relative_to(directory()):
                texts.append(entry.source.name)  # which holds its checksum
            else:
                texts.append(fingerprint((), [entry.source]))
    return fingerprint(texts)


def ensure(references: Iterable[str] | None = None) -> bool:
    """Make these images' archives current (default: all); their programs must be. True when one was written."""
    wanted = set(references) if references is not None else None
    stamps = Stamps(directory())
    written = False
    for image in IMAGES:
        if wanted is not None and image.reference not in wanted:
            continue
        layers = image.layers()
        value = _image_fingerprint(image, layers)
        if stamps.current(image.archive, value):
            continue
        stamps.forget(image.archive)
        with step(f"image {image.reference}"):
            digest = write_image(directory() / image.archive, image.reference, layers, image.settings)
        checksum = binaries.sha256(directory() / image.archive)
        stamps.write(image.archive, value, digest=digest, reference=image.reference, sha256=checksum)
        written = True
    return written


def index() -> list[dict[str, str]]:
    """What is there: reference, archive and digest of each image that has been built."""
    stamps = Stamps(directory())
    found = ((image, stamps.read(image.archive)) for image in IMAGES)
    return [
        {"reference": image.reference, "archive": image.archive, "digest": stamp["digest"]}
        for image, stamp in found
        if stamp
    ]

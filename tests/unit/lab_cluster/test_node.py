"""The program that makes a server a node, with the server's tools replaced."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fabric_lab.state import REPOSITORY

SOURCE = REPOSITORY / "lab" / "kubernetes" / "node.py"


class Server:
    """A server below a temporary folder: its files are real, its services are a set of names."""

    def __init__(self, module: ModuleType, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.active: set[str] = set()
        self.enabled: set[str] = set()
        self.images: dict[str, str] = {}
        self.ran: list[str] = []
        for name in ("HOST_BIN", "HOST_IMAGES", "PROGRAMS", "PLUGINS", "UNITS", "CONTAINERD_ROOT", "KUBELET_CONF",
                     "PROXY_CONF", "NETWORK_CONF"):  # fmt: skip
            monkeypatch.setattr(module, name, root / str(getattr(module, name)).lstrip("/"))
        monkeypatch.setattr(module, "run", self.run)
        monkeypatch.setattr(module, "succeeds", self.succeeds)
        monkeypatch.setattr(module.Node, "_address", lambda _self: "192.168.48.1")
        module.PROGRAMS.mkdir(parents=True)
        for path in ("kubelet", "kubeadm", "cni/bridge"):
            (module.HOST_BIN / path).parent.mkdir(parents=True, exist_ok=True)
            (module.HOST_BIN / path).write_text(path)

    def succeeds(self, *argv: str) -> bool:
        if argv[0] == "systemctl":
            held = self.active if argv[2] == "is-active" else self.enabled
            return argv[3].removesuffix(".service") in held
        return True

    def run(self, *argv: str) -> str:
        self.ran.append(" ".join(argv))
        if argv[0] == "systemctl" and len(argv) > 2:
            verb, *units = [word for word in argv[1:] if not word.startswith("-")]
            held = {"enable": self.enabled, "start": self.active, "restart": self.active}[verb]
            held.update(unit.removesuffix(".service") for unit in units)
        if argv[:4] == ("ctr", "-n", "k8s.io", "images") and argv[4] == "list":
            return "REF TYPE DIGEST\n" + "".join(f"{name} type {digest}\n" for name, digest in self.images.items())
        if argv[:4] == ("ctr", "-n", "k8s.io", "images"):
            self.images["lab.local/pause:1"] = "sha256:1"
        return ""


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("lab_node", SOURCE)
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    loaded.server = Server(loaded, tmp_path, monkeypatch)  # type: ignore[attr-defined]
    original = loaded.write
    # the one absolute path that is no constant of its own
    monkeypatch.setattr(loaded, "write", lambda path, text, mode: original(_below(tmp_path, path), text, mode))
    original_read = loaded.read
    monkeypatch.setattr(loaded, "read", lambda path: original_read(_below(tmp_path, path)))
    return loaded


def _below(root: Path, path: Path) -> Path:
    return path if path.is_relative_to(root) else root / str(path).lstrip("/")


def _settings(module: ModuleType, check: bool = False) -> dict[str, Any]:
    return {
        "name": "shared1", "interface": "bond0", "check": check, "endpoint": "192.168.55.253:6443",
        "ca_hash": "sha256:x",
        "pod_cidr": "10.244.0.0/16", "pause_image": "lab.local/pause:1", "store": "store-none", "kube_proxy": "secret",
        "images": [{"reference": "lab.local/pause:1", "archive": "pause.tar", "digest": "sha256:1"}],
        "programs": {"kubelet": "kubelet", "kubeadm": "kubeadm"},
        "plugins": {"bridge": module.sha256(module.HOST_BIN / "cni/bridge")},
    }  # fmt: skip


def test_second_run_changes_nothing(module: ModuleType) -> None:
    first = module.Node(_settings(module))
    first.prepare()
    assert "import image lab.local/pause:1" in first.actions
    assert (module.PROGRAMS / "kubelet").readlink() == module.HOST_BIN / "kubelet"
    assert module.PROXY_CONF.stat().st_mode & 0o777 == 0o600
    second = module.Node(_settings(module))
    second.prepare()
    assert second.actions == []


def test_check_mode_tells_the_same_and_touches_nothing(module: ModuleType, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    node = module.Node(_settings(module, check=True))
    node.prepare()
    assert "start var-lib-cni.mount containerd.service" in node.actions
    assert sorted(tmp_path.rglob("*")) == before
    assert module.server.active == set()


def test_nothing_of_the_cluster_starts_before_the_join(module: ModuleType) -> None:
    module.Node(_settings(module)).prepare()
    assert module.server.active == {"containerd", "var-lib-cni.mount"}


def test_changed_plugin_is_replaced(module: ModuleType) -> None:
    module.Node(_settings(module)).prepare()
    (module.PLUGINS / "bridge").write_text("something else")
    node = module.Node(_settings(module))
    node.prepare()
    assert node.actions == ["install CNI plugin bridge"]


def test_store_is_taken_over_once_and_by_links(module: ModuleType) -> None:
    store = module.HOST_IMAGES / "store-1"
    for name in (
        module.METADATA,
        f"{module.SNAPSHOTS}/metadata.db",
        f"{module.BLOBS}/abc",
        f"{module.SNAPSHOTS}/snapshots/1/fs/x",
    ):
        (store / name).parent.mkdir(parents=True, exist_ok=True)
        (store / name).write_text(name)
    settings = {**_settings(module), "store": "store-1"}
    module.Node(settings).prepare()
    root = module.CONTAINERD_ROOT
    assert (root / module.BLOBS / "abc").is_symlink()
    assert (root / module.SNAPSHOTS / "snapshots/1/fs/x").read_text()
    assert not (root / module.METADATA).is_symlink()
    (root / module.METADATA).write_text("grown")
    again = module.Node(settings)
    again.prepare()
    assert again.actions == [] and (root / module.METADATA).read_text() == "grown"


def test_join_passes_the_token_in_a_private_file_that_goes_away(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}

    def run(*argv: str) -> str:
        if argv[:2] == ("kubeadm", "join"):
            path = _below(module.server.root, Path(argv[3]))
            seen.update(json.loads(path.read_text()), mode=path.stat().st_mode & 0o777, argv=argv)
            module.KUBELET_CONF.parent.mkdir(parents=True, exist_ok=True)
            module.KUBELET_CONF.write_text("    server: https://192.168.55.253:6443\n")
            module.NETWORK_CONF.parent.mkdir(parents=True, exist_ok=True)
            module.NETWORK_CONF.write_text("{}")
        return str(module.server.run(*argv))

    monkeypatch.setattr(module, "run", run)
    unlink = Path.unlink
    monkeypatch.setattr(Path, "unlink", lambda self, **kwargs: unlink(_below(module.server.root, self), **kwargs))
    node = module.Node({**_settings(module), "token": "abcdef.0123456789abcdef"})
    node.join()
    assert seen["mode"] == 0o600 and "abcdef" not in " ".join(seen["argv"])
    assert seen["discovery"]["bootstrapToken"]["caCertHashes"] == ["sha256:x"]
    assert seen["nodeRegistration"]["kubeletExtraArgs"] == [{"name": "node-ip", "value": "192.168.48.1"}]
    assert not (module.server.root / "run/lab-join.json").exists()
    assert node.joined() and {"kube-proxy", "lab-network"} <= module.server.active
    assert module.Node(_settings(module)).joined()


def test_a_problem_is_told_not_thrown(module: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    (module.HOST_BIN / "kubelet").unlink()
    module.main(json.dumps({**_settings(module), "phase": "prepare"}))
    answer = json.loads(capsys.readouterr().out)
    assert "has the lab been built?" in answer["problem"] and answer["joined"] is False

"""Settings of a kubelet and its proxy, registries that are tried, and what a reset removes besides the node."""

from __future__ import annotations

import http.server
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._node import (
    join,
    kubelet,
    registries,
    reset,
    settings,
    state,
)
from ansible_collections.baremetal.fabric.plugins.module_utils._node.settings import Settings
from ansible_collections.baremetal.fabric.plugins.module_utils._node.system import Done

from .conftest import KUBELET_CONF, TOKEN, Api, FakeSystem, joining_script, request

WANTED = Settings(
    ("--v=4", "--image-gc-high-threshold=80"),
    {"maxPods": 250},
    {"https_proxy": 'http://me:se"cret@proxy:3128', "no_proxy": "10.0.0.0/8"},
)
UNIT = "/etc/systemd/system/containerd.service.d/50-baremetal.fabric-proxy.conf"


def test_settings_come_and_go(system: FakeSystem) -> None:
    assert settings.differing(system, Settings()) == []
    kubelet.set_node_ip(system, "192.168.64.9")
    assert settings.apply(system, WANTED) == ["kubelet arguments", "kubelet configuration", "proxy"]
    assert settings.differing(system, WANTED) == []
    assert kubelet.environment_file(system).read_text() == (
        'KUBELET_EXTRA_ARGS="--node-ip=192.168.64.9 --v=4 --image-gc-high-threshold=80'
        f' --config-dir={settings.DROPIN_DIRECTORY}"\n'
    )
    assert '"maxPods": 250' in system.path(settings.DROPIN).read_text()
    secret = system.path(settings.PROXY_ENVIRONMENT)
    assert 'https_proxy="http://me:se\\"cret@proxy:3128"' in secret.read_text()
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    # Anybody may ask systemd for a unit's own lines.
    assert "cret" not in system.path(UNIT).read_text()

    less = Settings(("--v=4",))
    assert settings.apply(system, less) == ["kubelet arguments", "kubelet configuration", "proxy"]
    assert kubelet.environment_file(system).read_text() == 'KUBELET_EXTRA_ARGS="--node-ip=192.168.64.9 --v=4"\n'
    assert not system.path(settings.DROPIN_DIRECTORY).exists() and not system.path(UNIT).exists()
    settings.remove(system)
    assert kubelet.environment_file(system).read_text() == 'KUBELET_EXTRA_ARGS="--node-ip=192.168.64.9"\n'
    assert settings.files(system) == [] and not system.path(state.NOTES).exists()


def test_a_configuration_that_goes_takes_its_argument_along(system: FakeSystem) -> None:
    """The arguments themselves are the same before and after."""
    settings.apply(system, Settings(config={"maxPods": 250}))
    assert settings.apply(system, Settings()) == ["kubelet arguments", "kubelet configuration"]
    assert not kubelet.has_arguments(system, [f"--config-dir={settings.DROPIN_DIRECTORY}"])
    assert settings.differing(system, Settings()) == []


def test_arguments_of_others_stay(system: FakeSystem) -> None:
    file = kubelet.environment_file(system)
    file.parent.mkdir(parents=True)
    file.write_text('KUBELET_EXTRA_ARGS="--theirs=1"\nOTHER=1\n')
    settings.apply(system, WANTED)
    settings.remove(system)
    assert file.read_text() == 'KUBELET_EXTRA_ARGS="--theirs=1"\nOTHER=1\n'


def test_what_somebody_took_away_is_noticed(system: FakeSystem) -> None:
    settings.apply(system, WANTED)
    kubelet.environment_file(system).unlink()
    assert settings.differing(system, WANTED) == ["kubelet arguments"]
    settings.apply(system, WANTED)
    assert settings.differing(system, WANTED) == []


def test_former_settings_can_be_put_back(system: FakeSystem) -> None:
    settings.apply(system, WANTED)
    before = settings.snapshot(system)
    settings.apply(system, Settings(("--nonsense",)))
    settings.restore(system, before)
    assert settings.differing(system, WANTED) == []


def test_the_join_takes_them_along(api: Api, system: FakeSystem) -> None:
    """A script that wipes what it finds does not take them away, and hears of the proxy."""
    wipe = 'rm -rf "$ROOT/etc/systemd"; echo "proxy $https_proxy"\n'
    api.body = joining_script(api.endpoint) + wipe
    proxy = {"https_proxy": "http://proxy:3128"}
    result = join.join(system, request(api, settings=Settings(("--v=4",), {}, proxy), tenant="blue"))
    assert "proxy http://proxy:3128" in result["output"]
    assert settings.differing(system, Settings(("--v=4",), {}, proxy)) == []
    assert state.notes(system)["tenant"] == "blue"
    assert ("systemctl", "restart", "kubelet") in system.calls
    assert TOKEN not in str(result)


def test_an_equal_endpoint_of_another_tenant_cluster_is_another_cluster(api: Api, system: FakeSystem) -> None:
    api.body = joining_script(api.endpoint)
    join.join(system, request(api, tenant="blue"))
    assert state.observe(system, api.endpoint, "blue")["joined"]
    seen = state.observe(system, api.endpoint, "green")
    assert seen["foreign"] and not seen["joined"] and seen["tenant"] == "blue"
    with pytest.raises(join.JoinError, match=r"tenant cluster blue.*server_move.*node_leave"):
        join.join(system, request(api, tenant="green"))


def test_a_refusal_names_the_endpoint(system: FakeSystem) -> None:
    system.path(state.KUBELET_CONF).parent.mkdir(parents=True)
    system.path(state.KUBELET_CONF).write_text(KUBELET_CONF.format("192.168.71.253:443"))
    seen = state.observe(system, "192.168.67.253:443", "blue")
    assert "a node of https://192.168.71.253:443. Move it with" in join.foreign_sentence(seen)


def test_a_failed_script_is_told_with_the_kubelets_log(api: Api, system: FakeSystem) -> None:
    api.body = '#!/bin/sh\ntouch "$ROOT/active"\nexit 124\n'
    log = ("journalctl", "-u", "kubelet", "-n", "40", "--no-pager", "-o", "cat")
    system.answers[log] = Done(0, "swap is on")
    with pytest.raises(join.JoinError, match=r"ended with 124(.|\n)*swap is on"):
        join.join(system, request(api))


# -- registries ------------------------------------------------------------------------------------------------------


@pytest.fixture
def registry() -> Iterator[Any]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(401 if self.path == "/v2/" else 502)
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            pass

    asked: list[str] = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    server.server_close()


def reasons(trials: list[registries.Trial]) -> list[str]:
    return [trial.reason for trial in trials]


def test_a_login_is_an_answer(registry: Any) -> None:
    where, asked = registry
    assert reasons(registries.try_all([f"http://{where}/v2/"], {}, 5)) == [""]
    assert asked == ["/v2/"]


def test_one_that_does_not_answer_is_told_with_remedies(registry: Any) -> None:
    where, _asked = registry
    trials = registries.try_all([f"http://{where}/v2/", "127.0.0.1:1", f"http://{where}/x", "ftp://a"], {}, 5)
    assert [bool(reason) for reason in reasons(trials)] == [False, True, True, True]
    told = registries.sentence(trials)
    assert "https://127.0.0.1:1/v2/" in told and "answered 502" in told
    assert all(word in told for word in ("NAT", "node_join_proxy", "mirror"))
    assert registries.sentence(trials[:1]) == ""


def test_certificates_are_verified(api: Api, tmp_path: Path) -> None:
    (failure,) = reasons(registries.try_all([api.endpoint], {}, 5))
    assert "certificate verify failed" in failure
    (tmp_path / "ca.pem").write_text(api.ca)
    assert reasons(registries.try_all([api.endpoint], {}, 5, str(tmp_path / "ca.pem"))) == [""]


def test_the_proxy_is_asked_and_no_proxy_is_not(registry: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    where, asked = registry
    proxy = {"http_proxy": f"http://{where}"}
    registries.try_all(["http://registry.invalid/v2/"], proxy, 5)
    assert asked == ["http://registry.invalid/v2/"]
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert reasons(registries.try_all([f"http://{where}/v2/"], {**proxy, "no_proxy": "127.0.0.0/8"}, 5)) == [""]
    assert asked[-1] == "/v2/"
    assert registries._exempt("http://r.example.com/", ".example.com") and not registries._exempt("http://r.org/", "x")


# -- reset -----------------------------------------------------------------------------------------------------------


def test_containers_and_namespaces_go(system: FakeSystem) -> None:
    task = system.path("/run/containerd/io.containerd.runtime.v2.task/k8s.io/abc")
    task.mkdir(parents=True)
    namespaces = system.path("/run/netns")
    namespaces.mkdir(parents=True)
    for name in ("cni-1", "netns-of-podman"):
        (namespaces / name).touch()
    assert reset.remains(system) == ["container abc", "network namespace cni-1"]
    system.programs.add("ctr")
    system.answers[("ctr", "--namespace", "k8s.io", "containers", "list", "--quiet")] = Done(0, "abc\ndef\n")
    with pytest.raises(reset.ResetError, match="container abc, network namespace cni-1"):
        reset.reset(system, None, 20)  # nothing really goes under another root
    assert ("ctr", "--namespace", "k8s.io", "tasks", "delete", "--force", "abc") in system.calls
    assert ("ctr", "--namespace", "k8s.io", "containers", "delete", "def") in system.calls
    assert ("ip", "netns", "delete", "cni-1") in system.calls
    assert ("ip", "netns", "delete", "netns-of-podman") not in system.calls


def test_settings_go_with_the_node(system: FakeSystem) -> None:
    settings.apply(system, WANTED)
    assert UNIT in reset.remains(system)
    reset.reset(system, None, 20)
    assert reset.remains(system) == [] and not kubelet.environment_file(system).exists()


def test_what_is_not_wiped_is_said(system: FakeSystem) -> None:
    system.path("/var/lib/containerd/blobs").mkdir(parents=True)
    told = reset.reset(system, None, 20)["not_wiped"]
    assert "/var/lib/containerd (container images and snapshots)" in told
    assert not any("local-path" in each for each in told) and any("ssh" in each for each in told)

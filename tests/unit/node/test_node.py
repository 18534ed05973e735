"""What happens on a server: the script is fetched over real TLS, run for real, and undone, under another root."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._node import join, kubelet, lease, reset, script, state
from ansible_collections.baremetal.fabric.plugins.module_utils._node.system import Done

from tests.support import certificates

from .conftest import KUBELET_CONF, TOKEN, Api, FakeSystem, joining_script, request

# -- fetching --------------------------------------------------------------------------------------------------------


def test_fetches_over_verified_tls(api: Api) -> None:
    fetched = script.fetch(api.endpoint, api.ca, TOKEN, 5)
    assert fetched.text == api.body and api.paths == [f"/node/join?token={TOKEN}"]


def test_refuses_another_authority(api: Api, tmp_path: Path) -> None:
    _context, other = certificates.self_signed(tmp_path, "api")
    with pytest.raises(script.ScriptError, match="certificate verify failed"):
        script.fetch(api.endpoint, other.read_text(), TOKEN, 5)
    assert api.paths == []


def test_refuses_a_certificate_for_another_name(api: Api) -> None:
    with pytest.raises(script.ScriptError, match=r"localhost|mismatch"):
        script.fetch(f"localhost:{api.port}", api.ca, TOKEN, 5)
    assert api.paths == []


@pytest.mark.parametrize("ca", ["", "no certificate"])
def test_never_fetches_unverified(api: Api, ca: str) -> None:
    with pytest.raises(script.ScriptError, match="CA"):
        script.fetch(api.endpoint, ca, TOKEN, 5)
    assert api.paths == []


def test_a_refusal_does_not_show_the_token(api: Api) -> None:
    api.status, api.body = 403, f"token {TOKEN} is void"
    with pytest.raises(script.ScriptError, match=r"403: token \(token\) is void"):
        script.fetch(api.endpoint, api.ca, TOKEN, 5)


def test_an_answer_that_is_no_script_is_not_run(api: Api) -> None:
    api.body = "<html>login</html>"
    with pytest.raises(script.ScriptError, match="not answer with a script"):
        script.fetch(api.endpoint, api.ca, TOKEN, 5)


# -- joining ---------------------------------------------------------------------------------------------------------


def test_joins(api: Api, system: FakeSystem) -> None:
    api.body = joining_script(api.endpoint)
    result = join.join(system, request(api, node_ip="192.168.64.9", arguments=["--kubernetes-version", "v1.36.0"]))
    assert system.path("/arguments").read_text().split() == [
        "--node-name", "metal1", "--kubernetes-version", "v1.36.0"
    ]  # fmt: skip
    assert system.path("/mode").read_text().strip() == "700"
    assert TOKEN not in str(result) and "token (token) used" in result["output"]
    assert state.observe(system, api.endpoint)["joined"]
    assert kubelet.environment_file(system).read_text() == 'KUBELET_EXTRA_ARGS="--node-ip=192.168.64.9"\n'
    kept = system.path(state.SCRIPT)
    assert TOKEN not in kept.read_text() and TOKEN.split(".")[1] not in kept.read_text()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700 and stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert not system.path(state.SCRIPT + ".run").exists()
    assert all(TOKEN not in " ".join(call) for call in system.calls)


def test_a_failed_script_is_told_without_the_token(api: Api, system: FakeSystem) -> None:
    api.body = f"#!/bin/sh\necho no luck with {TOKEN}\nexit 3\n"
    with pytest.raises(join.JoinError, match=r"ended with 3:\nno luck with \(token\)"):
        join.join(system, request(api))
    assert not system.path(state.SCRIPT + ".run").exists()
    assert state.observe(system, api.endpoint)["interrupted"]


def test_an_interrupted_join_is_done_anew(api: Api, system: FakeSystem) -> None:
    api.body = joining_script(api.endpoint)
    state.note(system, "joining")
    system.path("/active").touch()
    system.path(state.KUBELET_CONF).parent.mkdir(parents=True)
    system.path(state.KUBELET_CONF).write_text(KUBELET_CONF.format(api.endpoint))
    assert not state.observe(system, api.endpoint)["joined"]
    assert "--force-join" in join.join(system, request(api))["arguments"]
    assert state.observe(system, api.endpoint)["joined"]


def test_a_node_of_another_cluster_is_not_taken(api: Api, system: FakeSystem) -> None:
    system.path("/active").touch()
    system.path(state.KUBELET_CONF).parent.mkdir(parents=True)
    system.path(state.KUBELET_CONF).write_text(KUBELET_CONF.format("192.168.71.253:443"))
    assert state.observe(system, api.endpoint)["foreign"]
    with pytest.raises(join.JoinError, match=r"a node of https://192\.168\.71\.253:443"):
        join.join(system, request(api))
    assert api.paths == []


def test_a_script_that_joins_elsewhere_is_noticed(api: Api, system: FakeSystem) -> None:
    api.body = joining_script("192.168.71.253:443")
    with pytest.raises(join.JoinError, match="instead of"):
        join.join(system, request(api))


def test_a_script_that_starts_nothing_is_noticed(api: Api, system: FakeSystem) -> None:
    with pytest.raises(join.JoinError, match="no kubelet runs"):
        join.join(system, request(api))


@pytest.mark.parametrize(
    ("server", "endpoint", "same"),
    [
        ("https://192.168.67.253:443", "192.168.67.253:443", True),
        ("https://192.168.67.253", "192.168.67.253:443", True),
        ("https://192.168.67.253:6443", "192.168.67.253:443", False),
        ("https://192.168.67.25", "192.168.67.253:443", False),
    ],
)
def test_endpoints(server: str, endpoint: str, same: bool) -> None:
    assert state.same_endpoint(server, endpoint) is same


@pytest.mark.parametrize(
    ("before", "address", "after"),
    [
        ("", "10.0.0.1", 'KUBELET_EXTRA_ARGS="--node-ip=10.0.0.1"\n'),
        ("KUBELET_EXTRA_ARGS=--v=4\n", "10.0.0.1", 'KUBELET_EXTRA_ARGS="--v=4 --node-ip=10.0.0.1"\n'),
        ('KUBELET_EXTRA_ARGS="--node-ip=10.0.0.9 --v=4"\nX=1\n', "10.0.0.1",
         'KUBELET_EXTRA_ARGS="--v=4 --node-ip=10.0.0.1"\nX=1\n'),
        ('X=1\nKUBELET_EXTRA_ARGS="--node-ip 10.0.0.9"\n', None, "X=1\n"),
        ("", None, ""),
    ],
)  # fmt: skip
def test_node_ip_leaves_other_settings(before: str, address: str | None, after: str) -> None:
    assert kubelet.with_node_ip(before, address) == after
    assert kubelet.with_node_ip(after, address) == after


# -- leaving ---------------------------------------------------------------------------------------------------------


def test_joined_and_reset_leaves_nothing(api: Api, system: FakeSystem) -> None:
    api.body = joining_script(api.endpoint)
    configurations = system.path("/etc/cni/net.d")
    configurations.mkdir(parents=True)
    (configurations / "87-podman-bridge.conflist").touch()
    join.join(system, request(api, node_ip="192.168.64.9"))
    (configurations / "10-some-network.conflist").touch()
    networks = system.path("/var/lib/cni/networks")
    for name in ("podman", "cbr0"):
        (networks / name).mkdir(parents=True)
        (networks / name / "10.88.0.2").touch()
    assert set(reset.remains(system)) == {
        "/etc/kubernetes",
        "/var/lib/cni",
        "/var/lib/kubelet",
        "/etc/cni/net.d/10-some-network.conflist",
        state.NOTES,
        state.SCRIPT,
        "running kubelet",
    }
    result = reset.reset(system, None, 20)
    assert result["script"] == "kept copy"
    assert system.path("/arguments").read_text().split() == ["--reset-only"]
    assert reset.remains(system) == [] and not system.path("/active").exists()
    assert [entry.name for entry in configurations.iterdir()] == ["87-podman-bridge.conflist"]
    assert (networks / "podman" / "10.88.0.2").exists() and not (networks / "cbr0").exists()
    assert not kubelet.environment_file(system).exists()


def test_a_plain_server_has_nothing_of_a_node(system: FakeSystem) -> None:
    for directory in ("/etc/kubernetes/manifests", "/var/lib/kubelet", "/etc/cni/net.d"):
        system.path(directory).mkdir(parents=True)
    (system.path("/etc/cni/net.d") / "87-podman-bridge.conflist").touch()
    assert reset.remains(system) == []
    (system.path("/etc/cni/net.d") / "10-flannel.conflist").touch()
    assert reset.remains(system) == ["/etc/cni/net.d/10-flannel.conflist"]


def test_reset_without_a_script_uses_kubeadm(system: FakeSystem) -> None:
    system.path("/var/lib/kubelet").mkdir(parents=True)
    (system.path("/var/lib/kubelet") / "config.yaml").touch()
    system.programs.add("kubeadm")
    assert reset.reset(system, None, 20)["script"] == "kubeadm"
    assert ("kubeadm", "reset", "--force") in system.calls and reset.remains(system) == []


def test_reset_says_what_would_not_go(system: FakeSystem) -> None:
    (system.path("/sys/class/net/cni0")).mkdir(parents=True)
    with pytest.raises(reset.ResetError, match="cni0"):
        reset.reset(system, None, 20)
    assert ("ip", "link", "delete", "cni0") in system.calls


def test_reset_does_not_reach_through_mounts(system: FakeSystem) -> None:
    system.path("/proc").mkdir()
    system.path("/proc/mounts").write_text("tmpfs /var/lib/kubelet/pods/a tmpfs rw 0 0\n/dev/vda / ext4 rw 0 0\n")
    system.path("/var/lib/kubelet/pods/a").mkdir(parents=True)
    system.answers[("umount", "/var/lib/kubelet/pods/a")] = Done(32, "busy")
    with pytest.raises(reset.ResetError, match="cannot unmount"):
        reset.reset(system, None, 20)
    assert system.path("/var/lib/kubelet/pods/a").exists()


def test_only_rules_of_the_cluster_go(system: FakeSystem) -> None:
    saved = (
        "*nat\n:PREROUTING ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\n-A PREROUTING -j KUBE-SERVICES\n"
        '-A PREROUTING -m comment --comment "KUBE- is only said here" -j ACCEPT\n-A KUBE-SERVICES -j RETURN\n'
        "-A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE\nCOMMIT\n"
    )
    kept = reset.without_cluster_rules(saved)
    assert kept == (
        '*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m comment --comment "KUBE- is only said here" -j ACCEPT\n'
        "-A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE\nCOMMIT\n"
    )
    system.programs.add("iptables-save")
    system.answers[("iptables-save",)] = Done(0, saved)
    reset.reset(system, None, 20)
    assert ("iptables-restore", kept) in system.calls


# -- the address -----------------------------------------------------------------------------------------------------


def link(operstate: str, *addresses: str, deprecated: bool = False) -> str:
    entries = [{"local": a, "scope": "global", **({"deprecated": True} if deprecated else {})} for a in addresses]
    return json.dumps([{"ifname": "bond0", "operstate": operstate, "addr_info": entries}])


SHOW = ("ip", "-json", "-4", "address", "show", "dev", "bond0")


def wait(system: FakeSystem, answers: list[str], timeout: float = 60) -> str:
    """Every second of a clock of its own, the interface answers the next thing."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds
        if len(answers) > 1:
            answers.pop(0)
        system.answers[SHOW] = Done(0, answers[0])

    system.answers[SHOW] = Done(0, answers[0])
    return lease.await_address(system, "bond0", "192.168.64.0/22", timeout, sleep, lambda: now[0])


def test_waits_for_an_address_in_the_subnet(system: FakeSystem) -> None:
    answers = [link("DOWN"), link("UP"), link("UP", "10.9.9.9"), link("UP", "10.9.9.9", "192.168.64.9")]
    assert wait(system, answers) == "192.168.64.9"


def test_an_address_of_a_link_that_is_down_does_not_count(system: FakeSystem) -> None:
    with pytest.raises(lease.NoAddress, match=r"bond0 is DOWN with 192\.168\.64\.9"):
        wait(system, [link("DOWN", "192.168.64.9")], 3)


def test_an_expired_address_does_not_count(system: FakeSystem) -> None:
    with pytest.raises(lease.NoAddress, match="no address"):
        wait(system, [link("UP", "192.168.64.9", deprecated=True)], 3)


def test_a_missing_interface_is_said_so(system: FakeSystem) -> None:
    system.answers[SHOW] = Done(1, 'Device "bond0" does not exist.')
    with pytest.raises(lease.NoAddress, match="bond0 is missing"):
        lease.await_address(system, "bond0", "192.168.64.0/22", 0, lambda _: None, lambda: 0.0)


def test_the_dhcp_client_is_reminded(system: FakeSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    reminded: list[tuple[str, bool]] = []
    monkeypatch.setattr(lease, "remind", lambda _system, interface, let_go: reminded.append((interface, let_go)))
    with pytest.raises(lease.NoAddress):
        wait(system, [link("UP")], 40)
    assert reminded == [("bond0", False), ("bond0", False)]


def test_a_lease_of_another_vlan_is_let_go_at_once(system: FakeSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    reminded: list[tuple[str, bool]] = []
    monkeypatch.setattr(lease, "remind", lambda _system, interface, let_go: reminded.append((interface, let_go)))
    answers = [link("UP", "192.168.69.9"), link("UP"), link("UP", "192.168.64.9")]
    assert wait(system, answers) == "192.168.64.9"
    assert reminded == [("bond0", True)]

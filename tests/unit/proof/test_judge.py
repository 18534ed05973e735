"""Verdicts over recorded observations: what passes, what fails, and above all what is only not proven."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.filter.isolation_verdicts import isolation_verdicts
from ansible_collections.baremetal.fabric.plugins.module_utils._proof.evaluate import (
    FAILED,
    NOT_PROVEN,
    PASSED,
    Verdict,
    judge,
)
from ansible_collections.baremetal.fabric.plugins.module_utils._proof.plan import plan

from . import rack

Observations = dict[str, dict[str, Any]]


def verdicts(observations: Observations, data: dict[str, Any] | None = None) -> list[Verdict]:
    return judge(rack.scene(data), observations)


def bad(found: list[Verdict]) -> dict[str, str]:
    return {each.subject: each.verdict for each in found if each.verdict != PASSED}


def the(found: list[Verdict], subject: str) -> Verdict:
    matching = [each for each in found if each.subject == subject]
    matching = matching or [each for each in found if each.subject.startswith(subject)]
    assert len(matching) == 1, [each.subject for each in found]
    return matching[0]


def replace(observations: Observations, server: str, ident: str, **changes: Any) -> None:
    for each in observations[server]["checks"]:
        if each["id"] == ident:
            each.update(changes)
            return
    raise AssertionError(f"{server} was not asked {ident}: {[each['id'] for each in observations[server]['checks']]}")


def hear(
    observations: Observations,
    server: str,
    interface: str,
    sender: str,
    origin: str,
    vlan: int | None = None,
    tag: int | None = None,
) -> None:
    entry = {"interface": interface, "sender": sender, "from": origin, "tag": tag, "vlan": vlan, "count": 1}
    observations[server]["heard"].append(entry)


def test_a_sound_rack_passes_in_everything() -> None:
    found = verdicts(rack.observe())
    assert bad(found) == {}
    layers = {each.layer for each in found}
    assert layers == {"layer 2", "layer 3", "VLAN tag", "API endpoint", "node"}
    pairs = {(each.row, each.column, each.layer, each.expected) for each in found}
    for row, column in [
        ("blue", "green"),
        ("green", "blue"),
        ("blue", "host cluster"),
        ("host cluster", "blue"),
        ("blue", "parked"),
    ]:
        assert (row, column, "layer 2", "apart") in pairs
    for row, column in [
        ("parked", "blue"),
        ("parked", "host cluster"),
        ("parked", "management"),
        ("management", "management"),
    ]:
        assert (row, column, "layer 2", "apart") in pairs
        assert (row, column, "layer 3", "apart") in pairs
    assert ("blue", "blue", "layer 2", "together") in pairs
    assert ("blue", "blue", "layer 3", "together") in pairs
    assert ("blue", "host cluster", "layer 3", "apart") in pairs


LEAKS = [
    ("metal2", "bond0", "metal1", "bond0", None, None, "metal1 (blue) to metal2 (green)"),
    ("metal3", "eth9", "metal1", "bond0", None, None, "metal1 (blue) to metal3 (parked metal3)"),
    ("metal1", "bond0", "metal3", "bond0", None, None, "metal3 (parked metal3) to metal1 (blue)"),
    ("metal1", "bond0", "shared1", "bond0", None, None, "shared1 (host cluster) to metal1 (blue)"),
    ("shared1", "bond0", "metal1", "bond0", None, None, "metal1 (blue) to shared1 (host cluster)"),
    ("shared1", "bond0", "metal2", "bond0", 3, None, "metal2 (green) to shared1 (blue)"),
    ("metal2", "bond0", "metal1", "bond0", None, 4, "metal1 (blue) to metal2 (green)"),
    (
        "metal2",
        "management",
        "metal1",
        "management",
        None,
        None,
        "metal1 (management metal1) to metal2 (management metal2)",
    ),
]


@pytest.mark.parametrize(("server", "interface", "sender", "origin", "vlan", "tag", "subject"), LEAKS)
def test_one_frame_in_the_wrong_place_fails_that_pair_only(
    server: str, interface: str, sender: str, origin: str, vlan: int | None, tag: int | None, subject: str
) -> None:
    observations = rack.observe()
    hear(observations, server, interface, sender, origin, vlan, tag)
    found = verdicts(observations)
    assert the(found, subject).verdict == FAILED
    assert interface in the(found, subject).reason
    assert bad(found).get(subject) == FAILED
    assert [s for s, verdict in bad(found).items() if verdict == FAILED and "to" in s] == [subject]


def test_a_tag_that_nobody_has_is_a_failure() -> None:
    observations = rack.observe()
    hear(observations, "shared1", "bond0", "metal1", "bond0", vlan=77)
    found = [each for each in verdicts(observations) if each.verdict == FAILED]
    assert [each.reason for each in found] == [
        "a frame came in with tag 77, a VLAN that no tenant cluster has on shared1"
    ]


def silent_listener(observations: Observations) -> None:
    """metal2 is the only bare-metal server in green; make it deaf."""
    observations["metal2"]["heard"] = []
    replace(observations, "metal2", "control|green|gateway", result="silent")


def mute_sender(observations: Observations) -> None:
    for server in observations:
        observations[server]["heard"] = [e for e in observations[server]["heard"] if e["sender"] != "metal2"]
    replace(observations, "metal2", "control|green|gateway", result="silent")


def nothing_left(observations: Observations) -> None:
    for station in observations["metal2"]["stations"]:
        station["left"] = 0


def not_probed(observations: Observations) -> None:
    observations["metal2"] = {"window": {"dispatched": 0, "received": 0}}


def unreachable(observations: Observations) -> None:
    del observations["metal2"]


def one_after_the_other(observations: Observations) -> None:
    observations["metal2"]["window"] = {"dispatched": 1015.0, "received": 1030.0}


@pytest.mark.parametrize(
    ("spoil", "subject"),
    [
        (silent_listener, "metal1 (blue) to metal2 (green)"),
        (mute_sender, "metal2 (green) to metal1 (blue)"),
        (nothing_left, "metal2 (green) to metal1 (blue)"),
        (not_probed, "metal1 (blue) to metal2 (green)"),
        (unreachable, "metal2 (green) to metal1 (blue)"),
        (one_after_the_other, "metal1 (blue) to metal2 (green)"),
    ],
)
def test_silence_without_a_control_is_not_proven(spoil: Callable[[Observations], None], subject: str) -> None:
    observations = rack.observe()
    spoil(observations)
    found = verdicts(observations)
    verdict = the(found, subject)
    assert verdict.verdict == NOT_PROVEN and "metal2" in verdict.reason
    # What does not depend on that server is untouched.
    assert the(found, "metal1 (blue) to metal4 (blue)").verdict == PASSED
    assert the(found, "metal1 (blue) to metal3 (parked metal3)").verdict == PASSED


def test_a_parked_server_without_any_sign_of_the_switch_proves_nothing() -> None:
    observations = rack.observe()
    for station in observations["metal3"]["stations"]:
        station["link"] = []
    found = verdicts(observations)
    assert the(found, "metal1 (blue) to metal3 (parked metal3)").verdict == NOT_PROVEN
    assert the(found, "metal3 (parked metal3) to metal1 (blue)").verdict == NOT_PROVEN


def test_no_frame_within_a_tenant_cluster_is_a_failure_not_an_open_question() -> None:
    observations = rack.observe()
    observations["metal1"]["heard"] = [e for e in observations["metal1"]["heard"] if e["sender"] != "metal4"]
    assert the(verdicts(observations), "metal4 (blue) to metal1 (blue)").verdict == FAILED


def test_a_missing_bridge_is_named_though_its_frames_cross_the_bond() -> None:
    observations = rack.observe()
    shared = observations["shared1"]
    shared["heard"] = [entry for entry in shared["heard"] if entry["interface"] != "br-vlan-3"]
    for station in shared["stations"]:
        if station["interface"] == "br-vlan-3":
            station.update(present=False, left=0)
    assert any(entry["interface"] == "bond0.3" for entry in shared["heard"])
    verdict = the(verdicts(observations), "metal1 (blue) to shared1 (blue)")
    assert (verdict.verdict, verdict.reason) == (FAILED, "shared1 has no br-vlan-3")


def test_an_answer_through_a_control_plane_pod_is_a_failure_and_names_the_way() -> None:
    observations = rack.observe()
    replace(
        observations,
        "metal1",
        "reach|blue|pod coredns|10.244.1.3",
        result="answered",
        via={"192.168.67.250": "TCP open", "mac:02:00:00:00:05:03": "echo reply"},
    )
    verdict = the(verdicts(observations), "metal1 (blue) to pod coredns")
    assert verdict.verdict == FAILED
    assert verdict.reason == "TCP open through 192.168.67.250, echo reply through mac:02:00:00:00:05:03"


def test_the_plan_tries_every_machine_with_another_leg() -> None:
    orders = plan(rack.scene(), "n", 30, 12)
    by_id = {each["id"]: each for each in orders["metal1"]["checks"]}
    via = by_id["reach|blue|pod coredns|10.244.1.3"]["via"]
    assert via[:5] == ["192.168.67.254", "192.168.67.250", "192.168.67.251", "192.168.67.252", "192.168.67.253"]
    assert [hop for hop in via if hop.startswith("mac:")] == ["mac:02:00:00:00:05:03", "mac:02:00:00:00:06:03"]
    assert via[-1] == "@gateways"
    assert orders["metal1"]["interfaces"][0]["tags"] == [4]
    assert orders["metal3"]["interfaces"][0]["tags"] == [3, 4]
    assert all(entry["tags"] == [] for entry in orders["shared1"]["interfaces"])
    # A server's way to its own other address would prove nothing.
    assert not [each for each in orders["metal1"]["checks"] if each["kind"] == "route" and "|metal1 (" in each["id"]]


def test_a_source_that_reaches_nothing_and_a_target_that_nobody_reaches_prove_nothing() -> None:
    observations = rack.observe()
    for each in observations["metal1"]["checks"]:
        if each["id"].startswith("reach|blue|"):
            each["result"] = "silent"
    found = verdicts(observations)
    assert the(found, "metal1 (blue) to green API endpoint").verdict == NOT_PROVEN
    assert the(found, "metal1 (blue) to blue API endpoint").verdict == FAILED
    assert the(found, "metal2 (green) to metal1 (blue) 192").verdict == NOT_PROVEN

    observations = rack.observe()
    for server in ("shared1", "shared2"):
        replace(observations, server, "alive|pod coredns", result="silent")
    verdict = the(verdicts(observations), "metal1 (blue) to pod coredns")
    assert verdict.verdict == NOT_PROVEN and "10.244.1.3" in verdict.reason


def test_the_operator_must_answer_before_management_silence_counts() -> None:
    observations = rack.observe()
    replace(observations, "metal1", "control|management metal1|operator", result="no_next_hop", next_hops=[])
    found = verdicts(observations)
    assert the(found, "metal1 (management metal1) to metal2 (management metal2)").verdict == NOT_PROVEN
    assert the(found, "metal1 (management metal1) to metal2 (management) 10").verdict == NOT_PROVEN


def test_wrong_tag_on_a_shared_servers_bond() -> None:
    observations = rack.observe()
    for entry in observations["shared1"]["heard"]:
        if entry["vlan"] == 3:
            entry["vlan"] = 4
    found = verdicts(observations)
    # Its frames are in the other tenant cluster's VLAN: a leak, and no proof of its own tag.
    assert the(found, "metal1 (blue) to shared1 (green)").verdict == FAILED
    assert the(found, "blue on shared1's bond0: tag 3").verdict == NOT_PROVEN


def test_tagged_frames_at_a_bare_metal_server_fail() -> None:
    observations = rack.observe()
    for entry in observations["metal1"]["heard"]:
        entry["vlan"] = 3
    assert the(verdicts(observations), "blue on metal1: untagged").verdict == FAILED


@pytest.mark.parametrize(
    ("change", "verdict", "required"),
    [
        (lambda _seen, _data: None, PASSED, True),
        (lambda seen, _data: seen["shared1"].update(captured=[]), NOT_PROVEN, True),
        (lambda seen, _data: seen["shared1"]["captured"][0].update(vlan=None), NOT_PROVEN, True),
        (lambda seen, _data: replace(seen, "shared1", "pod|blue|blue-0", result="silent"), FAILED, True),
        (lambda seen, _data: replace(seen, "shared1", "pod|blue|blue-0", result="no_pod"), FAILED, True),
        (lambda _seen, data: data["clusters"]["blue"]["endpoint_holder"].update(node="shared1"), NOT_PROVEN, False),
        (lambda _seen, data: data["clusters"]["blue"].update(endpoint_holder=None), NOT_PROVEN, False),
    ],
)
def test_the_endpoint_from_a_control_plane_pod(
    change: Callable[[Observations, dict[str, Any]], None], verdict: str, required: bool
) -> None:
    observations, data = rack.observe(), rack.given()
    change(observations, data)
    found = the(verdicts(observations, data), "blue API endpoint from a control-plane pod")
    assert (found.verdict, found.required) == (verdict, required)


def test_certificate_and_nodes() -> None:
    observations, data = rack.observe(), rack.given()
    replace(observations, "metal1", "certificate|blue", result="untrusted", detail="IP address mismatch")
    data["clusters"]["blue"]["nodes"][0].update(ready=False, state="NotReady (KubeletStopped: no report)")
    data["clusters"]["blue"]["nodes"].pop()
    data["clusters"]["green"].update(problem="cannot be reached")
    found = verdicts(observations, data)
    assert (
        the(found, "blue API endpoint's certificate, from metal1").reason == "192.168.67.253:443: IP address mismatch"
    )
    assert {each.subject: (each.verdict, each.reason) for each in found if each.layer == "node"} == {
        "metal1 in blue": (FAILED, "NotReady (KubeletStopped: no report)"),
        "metal4 in blue": (FAILED, "blue has no node metal4"),
        "metal2 in green": (NOT_PROVEN, "cannot be reached"),
    }


@pytest.mark.parametrize(("state", "verdicts_of_it"), [("present", [FAILED]), ("absent", [])])
def test_virtual_machines_are_nodes_too(state: str, verdicts_of_it: list[str]) -> None:
    observations, data = rack.observe(), rack.given()
    data["model"]["vm_nodes"]["blue-vm1"] = {
        "name": "blue-vm1", "node_name": "vm-a", "tenant_cluster": "blue", "state": state, "cores": 2, "memory": "2Gi",
        "disk": "20Gi", "image": "", "image_checksum": "", "storage_class": "", "mac": "", "labels": {},
    }  # fmt: skip
    data["model"]["tenant_clusters"]["blue"]["vm_nodes"] = ["blue-vm1"]
    found = [each for each in verdicts(observations, data) if each.subject == "blue-vm1 in blue"]
    assert [each.verdict for each in found] == verdicts_of_it
    assert [each.reason for each in found] == ["blue has no node vm-a"] * len(verdicts_of_it)


def test_a_server_without_an_address_fails_what_it_must_reach() -> None:
    data = rack.given()
    data["looks"]["metal4"]["devices"][1]["addresses"] = []
    found = verdicts(rack.observe(data), data)
    assert the(found, "metal4 (blue) to blue API endpoint").reason == "metal4 has no address on bond0"
    assert the(found, "metal4 (blue) to blue API endpoint").verdict == FAILED


def test_overlapping_tenant_clusters_are_not_asked_what_an_answer_could_not_tell() -> None:
    data = rack.given()
    data["facts"]["green"] = rack.facts(4, "192.168.64.0/22", "192.168.67")
    found = verdicts(rack.observe(data), data)
    assert not [v for v in found if v.subject.startswith("metal1 (blue) to green") and v.layer == "layer 3"]
    assert the(found, "metal1 (blue) to metal2 (green)").verdict == PASSED


def test_what_is_missing_is_said() -> None:
    data = rack.given()
    data["facts"]["green"]["fabric_vlan_id"] = None
    del data["looks"]["metal3"]
    found = verdicts(rack.observe(data), data)
    assert bad(found) == {"green": NOT_PROVEN, "metal3": NOT_PROVEN}
    assert the(found, "green").required
    # Its server stands on the parking lot, and is watched there.
    assert the(found, "metal1 (blue) to metal2 (parked metal2)").verdict == PASSED
    data["scope"] = ["blue"]
    assert not the(verdicts(rack.observe(data), data), "green").required


def test_the_filter_sorts_failures_first_and_draws_a_table() -> None:
    observations, data = rack.observe(), rack.given()
    hear(observations, "metal2", "bond0", "metal1", "bond0")
    data["clusters"]["blue"]["endpoint_holder"]["node"] = "shared1"
    result = isolation_verdicts(data, observations)
    assert result["verdicts"][0]["verdict"] == FAILED
    assert result["failures"] == ["layer 2: metal1 (blue) to metal2 (green): its frames arrive on bond0"]
    assert result["unproven"] == []
    del observations["metal3"]
    unproven = isolation_verdicts(data, observations)["unproven"]
    assert len(unproven) == 1 and unproven[0].endswith("more: no observation from metal3")
    assert len(result["untried"]) == 1 and "shared1" in result["untried"][0]
    assert result["counts"][FAILED] == 1
    assert result["matrix"]["blue"]["green"] == {"layer 2": FAILED, "layer 3": PASSED}
    header, *rows = result["table"]
    assert header.split()[:3] == ["from", "\\", "to"]
    assert next(row for row in rows if row.startswith("blue")).count("FAILED (1 of") == 1


def test_the_summary_has_a_line_per_node() -> None:
    data = rack.given()
    data["clusters"]["green"]["nodes"] = []
    header, *rows = isolation_verdicts(data, rack.observe(data))["summary"]
    assert header.startswith("tenant cluster")
    assert [row.split()[:6] for row in rows] == [
        ["blue", "3", "192.168.64.0/22", "192.168.67.253:443", "metal1", "Ready"],
        ["blue", "3", "192.168.64.0/22", "192.168.67.253:443", "metal4", "Ready"],
        ["green", "4", "192.168.68.0/22", "192.168.71.253:443", "none"],
    ]

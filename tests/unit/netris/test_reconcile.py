"""Plans: pure functions of a document and of what lists answered."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.errors import DocumentInvalid
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.reconcile import as_diff

from .world import ADMIN, DEFAULT, MARK, Lists, cluster, member, plan, rack, server, steps, template, wanted

VPC = {"id": 5, "name": "blue", "adminTenant": ADMIN, "guestTenant": [], "tags": [MARK, "b", "a"]}


def mistakes(raw: Any, lists: Lists) -> dict[str, str]:
    with pytest.raises(DocumentInvalid) as caught:
        plan(raw, lists)
    return {mistake.path: mistake.message for mistake in caught.value.mistakes}


def test_creates_what_is_missing_with_mark_and_defaults() -> None:
    found = plan({"vpcs": [{"name": "blue", "owner": "Admin"}]}, Lists())
    assert steps(found) == [("create", "blue")]
    assert found.actions[0].after == {"name": "blue", "owner": "Admin", "guest_owners": [], "tags": [MARK]}


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "blue"},
        {"name": "blue", "owner": "Admin", "tags": ["a", "b"]},
        {"name": "blue", "tags": ["b", "a", "b"], "guest_owners": []},
        {"name": "blue", "tags": None, "owner": None},
    ],
)
def test_what_fits_is_left_alone(entry: dict[str, Any]) -> None:
    assert steps(plan({"vpcs": [entry]}, Lists(vpcs=[VPC]))) == []


def test_only_given_fields_are_managed_and_the_mark_stays() -> None:
    found = plan({"vpcs": [{"name": "blue", "tags": []}]}, Lists(vpcs=[VPC]))
    assert [change.as_dict() for change in found.actions[0].changes] == [
        {"field": "tags", "before": ["a", "b", MARK], "after": [MARK]}
    ]
    assert as_diff(found.actions) == {
        "before": {"vpcs": {"blue": {"tags": ["a", "b", MARK]}}},
        "after": {"vpcs": {"blue": {"tags": [MARK]}}},
    }


def test_names_match_exactly() -> None:
    assert steps(plan({"vpcs": [{"name": "Blue", "owner": "Admin"}]}, Lists(vpcs=[VPC]))) == [("create", "Blue")]


def test_needed_fields_are_asked_for_only_when_creating() -> None:
    assert mistakes({"vpcs": [{"name": "new"}]}, Lists())["vpcs[0].owner"].startswith("is needed")


def test_order_follows_rank_and_deletion_the_other_way_round() -> None:
    lists = Lists(**rack("m1"), vpcs=[{**VPC, "name": "old", "id": 8}], clusters=[cluster(3, "gone")])
    raw = {
        "server_clusters": [wanted("new", "m1", vpc="blue"), {"name": "gone", "state": "absent"}],
        "vpcs": [{"name": "old", "state": "absent"}, {"name": "blue", "owner": "Admin"}],
        "server_cluster_templates": [{"name": "t", "vnets": [{"postfix": "nodes", "server_nics": ["eth9"]}]}],
    }
    assert steps(plan(raw, lists)) == [
        ("create", "blue"),
        ("create", "t"),
        ("create", "new"),
        ("delete", "gone"),
        ("delete", "old"),
    ]


def test_release_comes_before_claim_through_a_whole_chain() -> None:
    lists = Lists(
        **rack("m1", "m2", "m3"),
        templates=[template()],
        clusters=[cluster(1, "a"), cluster(2, "b", member(100)), cluster(3, "c", member(101))],
    )
    raw = {"server_clusters": [wanted("a", "m1"), wanted("b", "m2"), wanted("c", "m3")]}
    assert steps(plan(raw, lists)) == [("update", "c"), ("update", "b"), ("update", "a")]


def test_a_ring_is_opened_by_letting_go_first() -> None:
    lists = Lists(
        **rack("m1", "m2", "m3"),
        templates=[template()],
        clusters=[
            cluster(1, "a", member(100), member(102, shared=True)),
            cluster(2, "b", member(101)),
        ],
    )
    a = wanted("a", "m2")
    a["servers"].append({"name": "m3", "shared": True})
    found = plan({"server_clusters": [a, wanted("b", "m1")]}, lists)
    assert [(action.name, action.release) for action in found.actions] == [("a", True), ("b", False), ("a", False)]
    after = found.actions[0].after
    assert after is not None
    assert after["servers"] == [{"name": "m3", "shared": True}]


def test_a_server_can_be_dedicated_here_and_shared_there() -> None:
    lists = Lists(**rack("m1"), templates=[template()], clusters=[cluster(1, "a", member(100))])
    entry = wanted("b")
    entry["servers"] = [{"name": "m1", "shared": True}]
    assert steps(plan({"server_clusters": [entry]}, lists)) == [("create", "b")]


def test_two_clusters_want_one_server() -> None:
    raw = {"server_clusters": [wanted("a", "m1"), wanted("b", "m1")]}
    found = mistakes(raw, Lists())
    assert found == {"server_clusters[1]": "server m1 is wanted by 'b' and by 'a' (server_clusters[0])"}


def test_a_server_of_another_site() -> None:
    away = {**server(100, "m1"), "site": {"id": 2, "name": "Far"}}
    lists = Lists(hardware=[away], links=rack("m1")["links"], templates=[template()])
    found = mistakes({"server_clusters": [wanted("a", "m1")]}, lists)
    assert found["server_clusters[0].servers[0].name"] == "the server 'm1' is in the site 'Far', not in 'Default'"


def test_two_of_one_name_need_a_scope() -> None:
    far = {**cluster(2, "a"), "site": {"id": 2, "name": "Far"}}
    lists = Lists(clusters=[cluster(1, "a"), far], templates=[template()])
    found = mistakes({"server_clusters": [{"name": "a", "state": "absent"}]}, lists)
    assert "say which one by site" in found["server_clusters[0]"]
    with_site = {"server_clusters": [{"name": "a", "site": "Far", "state": "absent"}]}
    assert steps(plan(with_site, lists)) == [("delete", "a")]


def test_leftovers_of_a_race_are_told() -> None:
    found = plan(
        {"server_cluster_templates": [{"name": "t", "vnets": [{"postfix": "nodes", "server_nics": ["eth9"]}]}]},
        Lists(templates=[template(7), template(9)]),
    )
    # What the entry leaves out of the V-Net is not the template's any more.
    assert [action.record.id for action in found.actions if action.record] == [7]
    assert "(ids 7, 9)" in found.warnings[0]


def test_a_template_in_use_is_refused_or_kept() -> None:
    lists = Lists(templates=[template()], clusters=[cluster(1, "a")])
    entry = {"name": "t", "state": "absent"}
    assert mistakes({"server_cluster_templates": [entry]}, lists)["server_cluster_templates[0]"].endswith(
        "still used by a"
    )
    found = plan({"server_cluster_templates": [{**entry, "if_unused": True}]}, lists)
    assert steps(found) == []
    assert found.kept == ("server cluster template 't': still used by a",)
    both = {"server_cluster_templates": [entry], "server_clusters": [{"name": "a", "state": "absent"}]}
    assert steps(plan(both, lists)) == [("delete", "a"), ("delete", "t")]


def test_server_filled_values_of_a_template_are_no_change() -> None:
    filled = template()
    filled["vnets"][0].update(ipFamily="dual", ipv4DhcpEnabled=False, ipv4Gateway=None, createdDate=1)
    vnet = {"postfix": "nodes", "type": "l2vpn", "vlan": "untagged", "vlan_id": "auto", "server_nics": ["eth9"]}
    assert steps(plan({"server_cluster_templates": [{"name": "t", "vnets": [vnet]}]}, Lists(templates=[filled]))) == []


def test_the_vnet_of_a_cluster_is_deferred_until_it_is_there() -> None:
    raw = {
        "server_clusters": [wanted("a")],
        "vnets": [
            {"server_cluster": "a", "postfix": "nodes", "gateways": [{"dhcp": {"start_host": 1, "end_host": 9}}]}
        ],
    }
    found = plan(raw, Lists(templates=[template()]))
    assert steps(found) == [("create", "a"), ("update", "a-nodes")]
    assert [action.name for action in found.deferred] == ["a-nodes"]

    made = {
        "id": 4,
        "name": "a-nodes",
        "vpc": {"id": 1, "name": "VPC-1", "isDefault": True},
        "sites": [DEFAULT],
        "tenant": ADMIN,
        "vlan": 3,
        "tags": [],
        "gateways": [
            {
                "prefix": "192.168.67.254/22",
                "dhcpEnabled": True,
                "dhcp": {"start": "192.168.64.1", "end": "192.168.67.9"},
            },
            {"prefix": "2001:db8::1/64", "dhcpEnabled": False, "dhcp": None},
        ],
        "ports": [],
    }
    lists = Lists(
        templates=[template()], clusters=[cluster(1, "a", vnets=[{"id": 4, "name": "a-nodes"}])], vnets=[made]
    )
    ready = plan(raw, lists)
    assert steps(ready) == [("update", "a-nodes")]
    after = ready.actions[0].after
    assert after is not None
    assert after["gateways"][0]["dhcp"] == {"start": "192.168.64.1", "end": "192.168.64.9", "option_set": None}
    assert [gateway["prefix"] for gateway in after["gateways"]] == ["192.168.67.254/22", "2001:db8::1/64"]
    assert after["tags"] == [], "a V-Net that a cluster made is never marked as ours"


def test_a_host_number_outside_the_subnet() -> None:
    made = {"id": 4, "name": "a-nodes", "gateways": [{"prefix": "10.0.0.1/29"}], "vlan": 3, "vpc": {"id": 1}}
    lists = Lists(
        templates=[template()], clusters=[cluster(1, "a", vnets=[{"id": 4, "name": "a-nodes"}])], vnets=[made]
    )
    raw = {
        "vnets": [{"server_cluster": "a", "postfix": "nodes", "gateways": [{"dhcp": {"start_host": 1, "end_host": 9}}]}]
    }
    assert mistakes(raw, lists) == {"vnets[0].gateways[0].dhcp.end_host": "9 is not a host number of 10.0.0.0/29"}


@pytest.mark.parametrize(("vlan", "change"), [("auto", False), ("3", False), ("disabled", True), ("4", True)])
def test_vlan_words(vlan: str, change: bool) -> None:
    vnet = {"id": 4, "name": "n", "vlan": 3, "vpc": {"id": 1}, "tags": [MARK], "state": "active"}
    assert bool(steps(plan({"vnets": [{"name": "n", "vlan": vlan}]}, Lists(vnets=[vnet])))) is change


def test_a_link_has_no_direction_and_unread_addresses_are_not_compared() -> None:
    ports = [
        {"id": 1, "port": "eth9", "switch": {"name": "m1", "type": "server"}},
        {"id": 2, "port": "swp1", "switch": {"name": "leaf1", "type": "switch"}},
    ]
    lists = Lists(**rack("m1"), ports=ports)
    entry = {"local": "swp1@leaf1", "remote": "eth9@m1", "local_ipv4": "10.0.0.1/31"}
    assert steps(plan({"links": [entry]}, lists)) == []


def test_a_lag_is_found_by_its_ports_and_takes_none_of_anothers() -> None:
    leaf = {"name": "leaf1", "type": "switch"}
    ports = [{"id": number, "port": f"swp{number}", "switch": leaf} for number in range(1, 5)]

    def lag(ident: int, *members: int) -> dict[str, Any]:
        slaves = [{"id": number, "port": f"swp{number}", "switchName": "leaf1"} for number in members]
        more = {"tenant": ADMIN, "mtu": 9000, "lacp": "on", "description": ""}
        return {"id": ident, "port": f"agg{ident}", "switch": leaf, "slavePorts": slaves, **more}

    hardware = [{"id": 1, "name": "leaf1", "type": "switch"}]
    lists = Lists(hardware=hardware, ports=[*ports, lag(21, 2, 1), lag(22, 3, 4)])
    same = {"switch": "leaf1", "ports": ["swp1", "swp2"], "lacp": True, "mtu": 9000, "owner": "Admin"}
    assert steps(plan({"lags": [same]}, lists)) == []
    greedy = {**same, "ports": ["swp1", "swp2", "swp3"]}
    assert "port swp3@leaf1 belongs to the LAG" in mistakes({"lags": [greedy]}, lists)["lags[0]"]
    moved = [greedy, {"switch": "leaf1", "ports": ["swp4"]}]
    assert steps(plan({"lags": moved}, lists)) == [("update", "swp3+swp4@leaf1"), ("update", "swp1+swp2@leaf1")]


def test_every_list_is_asked_once_whatever_the_number_of_entries() -> None:
    names = [f"m{number}" for number in range(50)]
    lists = Lists(**rack(*names), templates=[template()])
    plan({"server_clusters": [wanted(f"c{number}", name) for number, name in enumerate(names)]}, lists)
    assert len(lists.asked) == len(set(lists.asked))
    assert len(lists.asked) <= 10


def test_vpc_by_vpc_only_where_the_unfiltered_list_hides_them() -> None:
    hidden = {"id": 4, "name": "n", "vlan": 3, "vpc": {"id": 5, "name": "blue"}, "tags": [MARK]}
    lists = Lists(vpcs=[VPC], vnets=[hidden])
    plan({"vnets": [{"name": "n", "vpc": "blue"}]}, lists)
    assert lists.asked.count("/api/v2/vnet") == 1

"""What can be said about a document without looking at a controller."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.document_schema import parse_document
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.errors import DocumentInvalid


def mistakes(raw: Any, purge: tuple[str, ...] = ()) -> dict[str, str]:
    with pytest.raises(DocumentInvalid) as caught:
        parse_document(raw, purge)
    return {mistake.path: mistake.message for mistake in caught.value.mistakes}


def test_all_mistakes_at_once_each_with_its_path() -> None:
    found = mistakes(
        {
            "vpc": [],
            "vpcs": [{"name": "a", "onwer": "Admin"}, "b", {"owner": "Admin"}],
            "lags": {"switch": "leaf1"},
            "allocations": [{"name": "a", "vpc": "v", "prefix": "10.0.0.1/8"}],
            "server_clusters": [{"name": "c", "servers": [{"name": "s", "shared": "perhaps"}], "state": "gone"}],
        }
    )
    assert found == {
        "vpc": "is not known here (did you mean 'vpcs'?)",
        "vpcs[0].onwer": "is not known here (did you mean 'owner'?)",
        "vpcs[1]": "must be a mapping, not 'b'",
        "vpcs[2].name": "is required",
        "lags": "must be a list",
        "allocations[0].prefix": "'10.0.0.1/8' has host bits set: write 10.0.0.0/8",
        "server_clusters[0].servers[0].shared": "must be true or false, not 'perhaps'",
        "server_clusters[0].state": "'gone' is not one of present, absent",
    }


@pytest.mark.parametrize(
    ("document", "path", "words"),
    [
        ({"vpcs": [{"name": "a"}, {"name": "a"}]}, "vpcs[1]", "is the same VPC as vpcs[0]"),
        ({"vpcs": [{"name": " a"}]}, "vpcs[0].name", "blanks"),
        ({"links": [{"local": "eth9", "remote": "swp1@leaf1"}]}, "links[0].local", "port@device"),
        ({"links": [{"local": "a@b", "remote": "a@b"}]}, "links[0].remote", "same port"),
        ({"lags": [{"switch": "s", "ports": ["swp1@s"]}]}, "lags[0].ports[0]", "name the port alone"),
        (
            {"lags": [{"switch": "s", "ports": ["p1", "p2"]}, {"switch": "s", "ports": ["p2", "p3"]}]},
            "lags[1]",
            "port p2@s is wanted by",
        ),
        (
            {"server_clusters": [{"name": "c", "servers": [{"name": "s"}, {"name": "s", "shared": True}]}]},
            "server_clusters[0].servers[1].name",
            "listed twice",
        ),
        (
            {"server_clusters": [{"name": "c", "servers": [{"name": "s", "state": "absent"}]}]},
            "server_clusters[0].servers[0].state",
            "servers_mode: merge",
        ),
        ({"vnets": [{"vlan": "auto"}]}, "vnets[0].name", "is required"),
        ({"vnets": [{"name": "n", "vlan": "5000"}]}, "vnets[0].vlan", "between 2 and 4094"),
        ({"vnets": [{"server_cluster": "c"}]}, "vnets[0].postfix", "is required"),
        ({"vnets": [{"server_cluster": "c", "postfix": "n", "state": "absent"}]}, "vnets[0].state", "with its cluster"),
        ({"vnets": [{"name": "n", "gateways": [{}]}]}, "vnets[0].gateways[0].prefix", "is required"),
        (
            {"vnets": [{"name": "n", "gateways": [{"prefix": "10.0.0.0/24"}]}]},
            "vnets[0].gateways[0].prefix",
            "own address",
        ),
    ],
)
def test_single_mistakes(document: dict[str, Any], path: str, words: str) -> None:
    found = mistakes(document)
    assert list(found) == [path]
    assert words in found[path]


@pytest.mark.parametrize(
    ("gateway", "path", "words"),
    [
        ("10.0.0.1", "", "no prefix length"),
        ("somewhere", "", "not an address"),
        (7, "", "must be an address"),
        ({"allocation": "10.0.0.0/8", "hostnum": 1}, ".child_subnet_prefix_length", "is required"),
        ({"allocation": "10.0.0.1/8", "child_subnet_prefix_length": 24, "hostnum": 1}, ".allocation", "host bits"),
        ({"allocation": "10.0.0.0/8", "child_subnet_prefix_length": 24, "hostnum": "x"}, ".hostnum", "whole number"),
        (
            {"allocation": "10.0.0.0/8", "childSubnetPrefixLength": 24, "hostnum": 1},
            ".childSubnetPrefixLength",
            "known",
        ),
    ],
)
def test_gateways_of_templates(gateway: Any, path: str, words: str) -> None:
    vnet = {"postfix": "n", "server_nics": ["eth9"], "ipv4_gateway": gateway}
    found = mistakes({"server_cluster_templates": [{"name": "t", "vnets": [vnet]}]})
    assert words in found["server_cluster_templates[0].vnets[0].ipv4_gateway" + path]


def test_text_forms_of_numbers_and_booleans_are_taken() -> None:
    document = parse_document({"lags": [{"switch": "s", "ports": ["p"], "mtu": "9000", "lacp": "yes"}]})
    assert document.of("lags")[0].desired == {"switch": "s", "ports": ["p"], "mtu": 9000, "lacp": True}


def test_falsy_values_are_values() -> None:
    desired = parse_document({"lags": [{"switch": "s", "ports": ["p"], "lacp": False, "description": ""}]}).of("lags")[
        0
    ]
    assert desired.desired["lacp"] is False
    assert desired.desired["description"] == ""


def test_purge_needs_tags() -> None:
    found = mistakes({}, ("lags", "vpsc"))
    assert "carry no tags" in found["purge[0]"]
    assert "did you mean 'vpcs'" in found["purge[1]"]


def test_a_document_is_a_mapping() -> None:
    assert mistakes([]) == {"document": "must be a mapping of lists"}

"""Keys that vCluster's values do not have any more."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._vcluster import former_keys
from ansible_collections.baremetal.fabric.plugins.module_utils._vcluster.former_keys import FORMER, Former
from ansible_collections.baremetal.fabric.plugins.module_utils._vcluster.paths import nested

from .charts import RELEASES, schema_of
from .paths import knows


@pytest.mark.parametrize("former", FORMER, ids=lambda each: each.key)
def test_each_is_told_with_what_takes_its_place(former: Former) -> None:
    ((key, sentence),) = former_keys.found_in(nested(former.key, {}))
    assert key == former.key
    assert sentence.startswith(f"vCluster has no such key since {former.since[0]}.{former.since[1]}: ")
    assert all(each in sentence for each in former.keys)
    assert former.keys or former.note


@pytest.mark.parametrize("former", FORMER, ids=lambda each: each.key)
@pytest.mark.parametrize("release", RELEASES)
def test_the_charts_schemas_agree(former: Former, release: str) -> None:
    schema = schema_of(release)
    version = former_keys.release_of(f"{release}.0")
    assert version is not None
    gone = version >= former.since
    assert knows(schema, former.key.split(".")) is (former.came <= version < former.since)
    if gone:
        assert [key for key in former.keys if not knows(schema, key.split("."))] == []


def test_only_the_most_exact_is_told() -> None:
    values = {"syncer": {"replicas": 3}, "etcd": {"replicas": 3, "storage": {"className": "fast"}}, "enableHA": True}
    assert sorted(key for key, _sentence in former_keys.found_in(values)) == [
        "enableHA",
        "etcd.replicas",
        "etcd.storage",
        "syncer.replicas",
    ]


def test_todays_values_pass() -> None:
    values = {
        "controlPlane": {
            "statefulSet": {"highAvailability": {"replicas": 3}},
            "coredns": {"deployment": {"replicas": 2}},
        },
        "sync": {"fromHost": {"nodes": {"enabled": True}}},
        "sleep": {"auto": {}},
    }
    assert list(former_keys.found_in(values)) == []


def test_a_release_that_still_has_a_key_may_use_it() -> None:
    values = {"sleepMode": {"enabled": True}}
    assert list(former_keys.found_in(values, (0, 31))) == []
    assert [key for key, _sentence in former_keys.found_in(values, (0, 32))] == ["sleepMode"]


def test_release_of_a_version() -> None:
    assert former_keys.release_of("0.36.1") == former_keys.release_of("v0.36.1-rc.1") == (0, 36)
    assert former_keys.release_of("latest") is None
    assert former_keys.release_of(None) is None


#: Every key of the older articles, and what the table of the reference sheet has besides.
OF_THE_ARTICLES = [
    "enableHA",
    "syncer.replicas",
    "replicas",
    "api.replicas",
    "controller.replicas",
    "etcd.replicas",
    "etcd.image",
    "etcd.storage.persistence",
    "etcd.storage.size",
    "etcd.storage.className",
    "storage.persistence",
    "storage.size",
    "storage.className",
    "coredns.replicas",
    "api.image",
    "controller.image",
    "sync.nodes.enabled",
    "sync.nodes.syncAllNodes",
    "sync.nodes.nodeSelector",
    "sync.nodes.enableScheduler",
    "sync.nodes.syncNodeChanges",
    "sync.persistentvolumes.enabled",
    "sync.storageclasses.enabled",
    "sync.hoststorageclasses.enabled",
    "sync.ingresses.enabled",
    "mapServices.fromHost",
    "mapServices.fromVirtual",
    "isolation.enabled",
    "isolation.networkPolicy.enabled",
    "isolation.networkPolicy.outgoingConnections.ipBlock",
    "isolation.resourceQuota.quota",
    "isolation.limitRange.default",
    "isolation.podSecurityStandard",
    "vcluster.image",
    "vcluster.env",
    "syncer.extraArgs",
    "ingress.enabled",
    "service.type",
    "external.platform",
    "sleepMode.autoSleep",
    "controlPlane.distro.k3s.enabled",
]


@pytest.mark.parametrize("key", OF_THE_ARTICLES)
def test_the_articles_keys_are_known(key: str) -> None:
    ((told, sentence),) = former_keys.found_in(nested(key, "x"))
    assert key == told or key.startswith(f"{told}.")
    assert "write " in sentence

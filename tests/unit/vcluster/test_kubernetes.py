"""Which Kubernetes a chart and its values would make of the one that runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.filter.kube_documents import FilterModule
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.control_plane import control_plane_values
from ansible_collections.baremetal.fabric.plugins.module_utils._vcluster import chart, kubernetes
from ansible_collections.baremetal.fabric.plugins.modules import kube_objects_info

from tests.support.control_planes import EXAMPLE

from .charts import RELEASES, schema_of
from .paths import knows
from .test_immutable import record

REPOSITORY = Path(__file__).parents[3]
FILTERS = FilterModule().filters()
asks_chart, version_step = FILTERS["tenant_cluster_asks_chart"], FILTERS["tenant_cluster_version_step"]


def defaults_of(tag: str) -> dict[str, Any]:
    return {"controlPlane": {"distro": {"k8s": {"version": "", "image": {"tag": tag}}}}}


def running(version: str = "v1.35.0", by: str = "chart", chart_version: str = "0.35.3") -> list[dict[str, Any]]:
    """Helm's record of a control plane, as the module shows it."""
    chosen = {"kubernetes_version": version} if by == "values" else {}
    document = record(
        control_plane_values({**EXAMPLE, **chosen}),
        {"metadata": {"version": chart_version}, "values": defaults_of(version if by == "chart" else "v1.30.2")},
    )
    labels = {"status": "deployed", "version": "3"}
    return [kube_objects_info.shown({**document, "metadata": {"labels": labels}}, list(kubernetes.PATHS))]


def stepped(
    records: list[dict[str, Any]],
    chart_version: str = "0.35.3",
    told: str = "",
    upgrade: bool = False,
    **changes: Any,
) -> dict[str, Any]:
    values = control_plane_values({**EXAMPLE, **changes})
    wanted = {"name": "vcluster", "version": chart_version}
    result: dict[str, Any] = version_step(records, values, wanted, upgrade, told)
    return result


def asked(records: list[dict[str, Any]], chart_version: str = "0.35.3", name: str = "vcluster", **changes: Any) -> bool:
    result: bool = asks_chart(
        records, control_plane_values({**EXAMPLE, **changes}), {"name": name, "version": chart_version}
    )
    return result


@pytest.fixture(autouse=True)
def no_charts_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HELM_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("HELM_REPOSITORY_CACHE", raising=False)


def test_before_there_is_a_release() -> None:
    assert stepped([]) == {"running": "", "wanted": "", "refusal": ""}
    assert not asked([], "0.36.1")


@pytest.mark.parametrize("by", ["chart", "values"])
def test_the_same_once_more_asks_nobody(by: str) -> None:
    chosen = {"kubernetes_version": "v1.35.0"} if by == "values" else {}
    again = stepped(running(by=by), **chosen)
    assert again == {"running": "v1.35.0", "wanted": "v1.35.0", "refusal": ""}
    assert not asked(running(by=by), **chosen)


def test_a_new_chart_is_asked_what_it_brings() -> None:
    assert asked(running(), "0.36.1")
    there = stepped(running(), "0.36.1", told=yaml.safe_dump(defaults_of("v1.36.0")))
    assert there["wanted"] == "v1.36.0"
    assert there["refusal"] == (
        "tenant_cluster_chart_version: the chart 0.36.1 is Kubernetes v1.36.0, and v1.35.0 runs; nodes have to follow"
        " another minor: set tenant_cluster_kubernetes_version to v1.35.0 to stay at that, or to v1.36.0 and run the"
        " playbook tenant_upgrade, which takes them along"
    )


def test_a_new_chart_of_the_same_minor_is_none_of_this() -> None:
    assert stepped(running(), "0.35.4", told=yaml.safe_dump(defaults_of("v1.35.4")))["refusal"] == ""


def test_a_new_chart_that_cannot_be_asked_is_refused() -> None:
    refusal = stepped(running(), "0.36.1", told="")["refusal"]
    assert "the chart 0.36.1 brings a Kubernetes of its own, which cannot be told from here; v1.35.0 runs" in refusal
    assert "Set tenant_cluster_kubernetes_version to v1.35.0" in refusal


def test_a_new_chart_with_the_version_that_runs() -> None:
    """What the refusal advises must be let through."""
    there = stepped(running(), "0.36.1", kubernetes_version="v1.35.0")
    assert there == {"running": "v1.35.0", "wanted": "v1.35.0", "refusal": ""}
    assert not asked(running(), "0.36.1", kubernetes_version="v1.35.0")


def test_a_chart_on_this_machine_is_read(tmp_path: Path) -> None:
    (tmp_path / "Chart.yaml").write_text("version: 0.36.1\n")
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(defaults_of("v1.36.0")))
    values = control_plane_values(EXAMPLE)
    there = version_step(running(), values, {"name": str(tmp_path), "version": "0.1.0"})
    assert there["wanted"] == "v1.36.0" and "the chart 0.36.1" in there["refusal"]
    assert not asked(running(), "0.1.0", name=str(tmp_path))


def test_a_release_that_does_not_say_what_its_chart_brings() -> None:
    """It is asked although it stays the same."""
    unsaid = [{**each, "helm_defaults": None} for each in running()]
    assert asked(unsaid)
    assert stepped(unsaid, told=yaml.safe_dump(defaults_of("v1.35.0")))["wanted"] == "v1.35.0"


@pytest.mark.parametrize(
    ("wanted", "upgrade", "said"),
    [
        ("v1.36.0", False, "tenant_cluster_kubernetes_version is Kubernetes v1.36.0, and v1.35.0 runs"),
        ("v1.36.0", True, ""),
        ("v1.35.9", False, ""),
        ("v1.37.0", True, "skips a minor, and nodes have to follow each"),
        ("v1.37.0", False, "or to a version of v1.36 and run the playbook tenant_upgrade first"),
        ("v1.34.9", True, "Kubernetes cannot go back"),
        ("v2.0.0", True, "skips a minor"),
    ],
)
def test_a_version_that_is_asked_for(wanted: str, upgrade: bool, said: str) -> None:
    refusal = stepped(running(), upgrade=upgrade, kubernetes_version=wanted)["refusal"]
    assert said in refusal and bool(refusal) == bool(said)


def test_a_tag_decides_where_no_version_does() -> None:
    tag = {"controlPlane": {"distro": {"k8s": {"image": {"tag": "v1.36.0"}}}}}
    assert stepped(running(), values=tag)["refusal"].startswith(
        "tenant_cluster_images.kubernetes is Kubernetes v1.36.0"
    )
    assert stepped(running(), values=tag, kubernetes_version="v1.35.0")["refusal"] == ""


def test_a_tag_that_is_no_version_is_not_judged() -> None:
    tag = {"controlPlane": {"distro": {"k8s": {"image": {"tag": "ours"}}}}}
    assert stepped(running(), values=tag)["refusal"] == ""


def test_the_role_reads_what_is_compared() -> None:
    variables = yaml.safe_load((REPOSITORY / "roles/tenant_cluster/vars/main.yml").read_text())
    assert variables["__tenant_cluster_kubernetes"] == list(kubernetes.PATHS)


@pytest.mark.parametrize("path", kubernetes.PATHS)
@pytest.mark.parametrize("release", RELEASES)
def test_the_schema_has_every_path(release: str, path: str) -> None:
    assert knows(schema_of(release), path.split("."))


def test_the_labs_chart_says_it_as_the_real_one_does() -> None:
    found = chart.read(REPOSITORY / "lab/charts/vcluster")
    about = yaml.safe_load((REPOSITORY / "lab/charts/vcluster/Chart.yaml").read_text())
    assert found.version == about["version"]
    said = kubernetes.brought(found.version, found.values).defaults
    assert said == dict(zip(kubernetes.PATHS, ("", about["annotations"]["baremetal.fabric/kubernetes"]), strict=True))

"""Which kernel the machines run, and what its configuration asks for."""

from __future__ import annotations

from pathlib import Path

import pytest
from fabric_lab.rack import kernel, kernel_build
from fabric_lab.state import LabError


def test_the_fragment_is_a_list_of_settings() -> None:
    wishes = kernel_build.wishes(kernel_build.CONFIG.read_text())
    assert len(wishes) == len(set(wishes)) > 100
    assert all(wish.startswith("CONFIG_") and wish.endswith("=y") for wish in wishes)


def test_a_refused_wish_is_named() -> None:
    text = "# packet filters\nCONFIG_BRIDGE=y\nCONFIG_BRIDGE_NETFILTER=y\n"
    assert kernel_build.refused(text, "CONFIG_BRIDGE=y\n# CONFIG_BRIDGE_NETFILTER is not set\n") == [
        "CONFIG_BRIDGE_NETFILTER=y"
    ]
    assert kernel_build.refused(text, "CONFIG_BRIDGE=y\nCONFIG_BRIDGE_NETFILTER=y\n") == []


def test_a_patch_that_no_longer_fits_is_told_and_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A newer source may have been mended already; the lab still gets its fast kernel."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "a.c").write_text("one\ntwo\n")
    fits, stale = tmp_path / "fits.patch", tmp_path / "stale.patch"
    fits.write_text("--- a/a.c\n+++ b/a.c\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n")
    stale.write_text("--- a/a.c\n+++ b/a.c\n@@ -1,2 +1,2 @@\n-four\n+five\n two\n")
    monkeypatch.setattr(kernel_build, "patches", lambda: [fits, stale])
    told: list[str] = []
    kernel_build._mend(tree, told.append)
    assert (tree / "a.c").read_text() == "one\nthree\n"
    assert told[0] == "mending the source by fits.patch"
    assert told[1].startswith("stale.patch does not fit this source and is left out: ")
    assert [path.name for path in tree.iterdir()] == ["a.c"]


@pytest.mark.parametrize(
    "sources",
    [
        "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm\nComponents: main\n",
        "deb [signed-by=/k.gpg] http://mirror.example/debian bookworm main\n",
    ],
)
def test_the_source_comes_from_the_machines_own_mirror(sources: str) -> None:
    line = kernel_build.apt_source(sources, "forky")
    assert line.endswith("http://mirror.example/debian forky main\n")


def test_without_a_kernel_of_its_own_the_lab_takes_debians(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(_progress: object) -> Path:
        raise LabError("no such suite")

    (tmp_path / "6.1.0").mkdir()
    monkeypatch.setattr(kernel_build, "ensure", fail)
    monkeypatch.setattr(kernel, "_PACKAGED_MODULES", tmp_path)
    monkeypatch.setattr(kernel.requirements, "ensure", lambda _programs: [])
    told: list[str] = []
    assert kernel.ensure(told.append) == kernel.Kernel("linux.uml", str(tmp_path / "6.1.0"))
    assert len(told) == 1
    assert "no such suite" in told[0]
    monkeypatch.setenv("FABRIC_KERNEL", "build")
    with pytest.raises(LabError, match="no such suite"):
        kernel.ensure(told.append)
    monkeypatch.setenv("FABRIC_KERNEL", "fast")
    with pytest.raises(LabError, match="choose one of auto, build, debian"):
        kernel.ensure(told.append)

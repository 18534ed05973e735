"""The recipe of the base image."""

from __future__ import annotations

from pathlib import Path

from fabric_lab.rack import image


def test_package_list() -> None:
    assert image.packages("# a list\nudev\n\n  python3 # with modules\n") == ["udev", "python3"]
    named = image.packages((image.IMAGE_SOURCES / "packages.txt").read_text())
    assert {"python3", "lldpd", "dnsmasq-base", "containerd", "netplan.io"} <= set(named)


def test_the_machines_own_sources_of_the_release_are_used(tmp_path: Path) -> None:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (parts / "debian.sources").write_text(
        "# mirror of the house\nTypes: deb\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\n"
        "Components: main contrib\nSigned-By: /k.gpg\n\n"
        "Types: deb\nURIs: http://mirror.example/other\nSuites: trixie\nComponents: main\n"
    )
    (parts / "cloud.list").write_text("deb https://packages.example/apt cloud-sdk-bookworm main\n")
    text = image.apt_sources(tmp_path)
    assert "http://mirror.example/debian" in text
    assert "other" not in text
    assert "cloud" not in text


def test_one_line_sources(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text(
        "deb [signed-by=/k.gpg] http://mirror.example/debian bookworm main\n"
        "deb-src http://mirror.example/debian bookworm main\n"
        "deb http://mirror.example/debian-security bookworm-security contrib main\n"
    )
    assert image.apt_sources(tmp_path).splitlines() == [
        "deb [signed-by=/k.gpg] http://mirror.example/debian bookworm main",
        "deb http://mirror.example/debian-security bookworm-security contrib main",
    ]


def test_another_system_uses_the_public_mirror(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / "ubuntu.sources").write_text(
        "Types: deb\nURIs: http://u\nSuites: noble\nComponents: main\n"
    )
    assert "http://deb.debian.org/debian bookworm main" in image.apt_sources(tmp_path)

"""Which programs are built, and from where they come."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from fabric_lab.build import __main__ as builder
from fabric_lab.build import binaries, download, images
from fabric_lab.build.binaries import Builder
from fabric_lab.build.components import COMPONENTS, EXTRAS, Component, Program, Release
from fabric_lab.state import LabError

PROGRAM = Program("cni/bridge", "example.org/bridge", Release("https://example.org/plugins.tgz", "bridge"))
COMPONENT = Component("cni-plugins", "v1", (PROGRAM,))


class Sources:
    """Stands for the internet and for the compiler, and counts."""

    def __init__(self, reachable: bool) -> None:
        self.is_reachable = reachable
        self.asked = 0
        self.downloaded = 0
        self.compiled = 0

    def reachable(self, _url: str) -> bool:
        self.asked += 1
        return self.is_reachable

    def fetch(self, _release: Release) -> bytes:
        self.downloaded += 1
        return b"released"

    def compile(self, _component: Component, _program: Program, target: Path) -> None:
        self.compiled += 1
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(b"compiled")

    def builder(self, output: Path, how: str) -> Builder:
        return Builder(output, how, self.fetch, self.reachable, self.compile)


@pytest.mark.parametrize(
    ("how", "reachable", "content"),
    [
        ("auto", True, b"released"),
        ("auto", False, b"compiled"),
        ("go", True, b"compiled"),
        ("download", True, b"released"),
    ],
)
def test_source_of_a_program(tmp_path: Path, how: str, reachable: bool, content: bytes) -> None:
    sources = Sources(reachable)
    assert sources.builder(tmp_path, how).ensure(COMPONENT, PROGRAM)
    assert (tmp_path / "cni/bridge").read_bytes() == content
    again = Sources(reachable)
    assert not again.builder(tmp_path, "auto").ensure(COMPONENT, PROGRAM)
    assert (again.asked, again.downloaded, again.compiled) == (0, 0, 0)


def test_another_version_is_built_again(tmp_path: Path) -> None:
    sources = Sources(False)
    sources.builder(tmp_path, "go").ensure(COMPONENT, PROGRAM)
    assert sources.builder(tmp_path, "go").ensure(Component("cni-plugins", "v2", (PROGRAM,)), PROGRAM)
    assert sources.compiled == 2


def test_a_program_that_vanished_is_built_again(tmp_path: Path) -> None:
    sources = Sources(False)
    sources.builder(tmp_path, "go").ensure(COMPONENT, PROGRAM)
    (tmp_path / "cni/bridge").unlink()
    assert sources.builder(tmp_path, "go").ensure(COMPONENT, PROGRAM)


def test_each_host_is_asked_once(tmp_path: Path) -> None:
    sources = Sources(False)
    build = sources.builder(tmp_path, "auto")
    for path in ("one", "two"):
        build.ensure(COMPONENT, Program(path, path, PROGRAM.release))
    assert sources.asked == 1


def test_download_only_says_what_cannot_be_reached(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"https://example\.org/plugins\.tgz cannot be reached"):
        Sources(False).builder(tmp_path, "download").ensure(COMPONENT, PROGRAM)


def test_unknown_method(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRIC_BUILD", "magic")
    with pytest.raises(LabError, match="FABRIC_BUILD=magic"):
        binaries.method()


def _published(tmp_path: Path, listing: str) -> Release:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo("./bridge")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"1234"))
    (tmp_path / "plugins.tgz").write_bytes(buffer.getvalue())
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    (tmp_path / "SUMS").write_text(listing.format(digest=digest, wrong="0" * 64))
    return Release((tmp_path / "plugins.tgz").as_uri(), "bridge", (tmp_path / "SUMS").as_uri())


@pytest.mark.parametrize(
    "listing", ["{digest}\n", "{wrong}  other.tgz\n{digest}  release/plugins.tgz\n", "{digest} *plugins.tgz"]
)
def test_publishers_checksum_is_found_and_holds(tmp_path: Path, listing: str) -> None:
    assert download.fetch(_published(tmp_path, listing), {}) == b"1234"


def test_what_is_not_as_published_is_refused(tmp_path: Path) -> None:
    with pytest.raises(download.DownloadError, match="expected 0000"):
        download.fetch(_published(tmp_path, "{wrong}  plugins.tgz\n"), {})


def test_a_pinned_checksum_decides_alone(tmp_path: Path) -> None:
    release = _published(tmp_path, "{digest}\n")
    with pytest.raises(download.DownloadError, match="expected ffff"):
        download.fetch(release, {release.url: "f" * 64})


def test_a_checksum_file_without_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(download.DownloadError, match=r"no SHA-256 of plugins\.tgz"):
        download.fetch(_published(tmp_path, "{digest}  other.tgz\n"), {})


def test_no_two_programs_share_a_place() -> None:
    places = [program.path for component in COMPONENTS for program in component.programs]
    assert len(places) == len(set(places))


def test_an_images_programs_belong_to_the_components_it_names() -> None:
    names = {component.name for component in COMPONENTS}
    assert all(set(image.components) <= names for image in images.IMAGES)
    assert len({image.archive for image in images.IMAGES}) == len(images.IMAGES)


def test_an_image_brings_what_it_is_made_of() -> None:
    chosen, references = builder.select([images.VCLUSTER])
    assert set(images.BUNDLED) < references
    assert {"kubernetes", "etcd", "coredns", "lab-web", "standin-vcluster"} <= chosen


def test_extras_are_made_only_when_asked_for() -> None:
    usual, usual_images = builder.select([])
    assert set(EXTRAS).isdisjoint(usual) and set(images.EXTRAS).isdisjoint(usual_images)
    extras, extra_images = builder.select(["extras"])
    assert set(EXTRAS) <= extras and extra_images == {*images.EXTRAS, *images.BUNDLED}
    assert usual | extras == {component.name for component in COMPONENTS}


def test_unknown_target_is_named() -> None:
    with pytest.raises(LabError, match="unknown target 'kubelte'"):
        builder.select(["kubelte"])

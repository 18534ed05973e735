"""Image archives: what a container runtime reads in them."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

from fabric_lab.build.oci import Entry, Settings, write_image, write_layer


def _members(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        return {info.name: tar.extractfile(info).read() for info in tar if info.isfile()}  # type: ignore[union-attr]


def test_every_blob_is_named_by_its_content_and_the_chain_holds(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF" * 1000)
    layers = [[Entry("bin/program", program)], [Entry("etc/motd", content=b"hello\n", mode=0o644)]]
    digest = write_image(
        tmp_path / "image.tar", "lab.local/x:1", layers, Settings(("/bin/program",), environment={"A": "b"})
    )

    members = _members(tmp_path / "image.tar")
    blobs = {
        name.removeprefix("blobs/sha256/"): content for name, content in members.items() if name.startswith("blobs/")
    }
    assert all(hashlib.sha256(content).hexdigest() == name for name, content in blobs.items())
    [entry] = json.loads(members["index.json"])["manifests"]
    assert entry["digest"] == digest
    assert entry["annotations"]["io.containerd.image.name"] == "lab.local/x:1"
    manifest = json.loads(blobs[digest.removeprefix("sha256:")])
    config = json.loads(blobs[manifest["config"]["digest"].removeprefix("sha256:")])
    assert config["rootfs"]["diff_ids"] == [layer["digest"] for layer in manifest["layers"]]
    assert config["config"]["Entrypoint"] == ["/bin/program"]
    assert config["config"]["Env"] == ["A=b"]
    assert [layer["size"] for layer in manifest["layers"]] == [
        len(blobs[layer["digest"].removeprefix("sha256:")]) for layer in manifest["layers"]
    ]


def test_same_files_give_the_same_image(tmp_path: Path) -> None:
    source = tmp_path / "file"
    digests = set()
    for name in ("a", "b"):
        source.write_bytes(b"content")  # another time of modification
        digests.add(write_image(tmp_path / f"{name}.tar", "lab.local/x:1", [[Entry("file", source)]], Settings()))
    assert len(digests) == 1


def test_folders_come_before_what_is_in_them_and_links_stay_links() -> None:
    stream = io.BytesIO()
    write_layer(stream, [Entry("usr/bin/sh", link="busybox"), Entry("tmp/x", content=b"")])
    stream.seek(0)
    with tarfile.open(fileobj=stream) as tar:
        infos = {info.name: info for info in tar}
        names = list(infos)
    assert names.index("usr") < names.index("usr/bin") < names.index("usr/bin/sh")
    assert infos["usr/bin/sh"].issym() and infos["usr/bin/sh"].linkname == "busybox"
    assert infos["tmp"].mode == 0o1777

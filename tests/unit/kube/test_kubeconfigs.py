"""Kubeconfigs as files: private, replaced as a whole, left alone when they are right."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import kubeconfigs
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import KubeError

FILES = {"blue.kubeconfig": "a: 1\n", "blue-forwarded.kubeconfig": "a: 2\n"}


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_files_and_their_directory_are_private(tmp_path: Path) -> None:
    directory = tmp_path / "tenants" / "of-mine"
    assert kubeconfigs.write(directory, FILES) == ["blue-forwarded.kubeconfig", "blue.kubeconfig"]
    assert {path.name: path.read_text() for path in directory.iterdir()} == FILES
    assert {mode(path) for path in directory.iterdir()} == {0o600}
    assert mode(directory) == 0o700
    assert kubeconfigs.write(directory, FILES) == []


def test_only_what_is_different_is_written(tmp_path: Path) -> None:
    kubeconfigs.write(tmp_path, FILES)
    kept = (tmp_path / "blue.kubeconfig").stat().st_ino
    (tmp_path / "blue-forwarded.kubeconfig").write_text("old\n")
    assert kubeconfigs.write(tmp_path, FILES) == ["blue-forwarded.kubeconfig"]
    assert (tmp_path / "blue.kubeconfig").stat().st_ino == kept
    (tmp_path / "blue.kubeconfig").chmod(0o644)
    assert kubeconfigs.write(tmp_path, FILES) == ["blue.kubeconfig"]
    assert mode(tmp_path / "blue.kubeconfig") == 0o600


def test_a_dry_run_only_tells(tmp_path: Path) -> None:
    assert kubeconfigs.write(tmp_path / "new", FILES, dry_run=True) == sorted(FILES)
    assert not (tmp_path / "new").exists()


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KubeError, match=r"cannot be written to .*/file/below: Not a directory"):
        kubeconfigs.write(tmp_path / "file" / "below", FILES)


CONFIG = """
current-context: host
contexts:
  - {name: host, context: {cluster: c, user: u}}
  - {name: other, context: {cluster: c, user: v, namespace: x}}
clusters:
  - {name: c, cluster: {server: "https://h:6443", certificate-authority: ca.crt}}
users:
  - {name: u, user: {client-certificate: /abs/u.crt, client-key: keys/u.key}}
  - {name: v, user: {exec: {command: ./login, args: [x]}}}
"""


def test_one_context_alone_works_from_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(CONFIG)
    host = yaml.safe_load(kubeconfigs.alone(path))
    assert (host["current-context"], [each["name"] for each in host["users"]]) == ("host", ["u"])
    assert host["clusters"][0]["cluster"]["certificate-authority"] == str(tmp_path / "ca.crt")
    assert host["users"][0]["user"] == {"client-certificate": "/abs/u.crt", "client-key": str(tmp_path / "keys/u.key")}
    other = yaml.safe_load(kubeconfigs.alone(path, "other"))
    assert other["contexts"] == [{"name": "other", "context": {"cluster": "c", "user": "v", "namespace": "x"}}]
    assert other["users"][0]["user"]["exec"] == {"command": str(tmp_path / "login"), "args": ["x"]}
    assert path.read_text() == CONFIG


@pytest.mark.parametrize(("text", "context"), [(CONFIG, "nobody"), ("", None), ("{", None), ("contexts: []", None)])
def test_a_context_that_is_none(tmp_path: Path, text: str, context: str | None) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(KubeError, match="has no usable context"):
        kubeconfigs.alone(path, context)


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("", ([], None, None)),
        (CONFIG, (["host", "other"], None, None)),
        ("contexts: [{name: a@b}]\nusers: nobody\nclusters: [{cluster: {}}]", (["a@b"], None, None)),
        (
            "contexts: [{name: a@b}]\nusers: [{name: a}]\nclusters: [{cluster: {certificate-authority-data: Y2E=}}]",
            (["a@b"], "a", "ca"),
        ),
    ],
)
def test_whose_a_kubeconfig_is(tmp_path: Path, text: str, held: tuple[list[str], str | None, str | None]) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    assert kubeconfigs.read(path) == kubeconfigs.Kubeconfig(text, *held)


def test_what_is_no_kubeconfig_belongs_to_nobody(tmp_path: Path) -> None:
    assert kubeconfigs.read(tmp_path / "none") is None
    for name, content, said in (("yaml", b"[]", "is no kubeconfig"), ("bytes", b"\xff", "is no text")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(KubeError, match=f"{said}, and is left as it is"):
            kubeconfigs.read(tmp_path / name)
    with pytest.raises(KubeError, match="cannot be read"):
        kubeconfigs.read(tmp_path)

"""Kubeconfigs as files: private, replaced as a whole, left alone when they are right."""

from __future__ import annotations

from pathlib import Path

import pytest
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

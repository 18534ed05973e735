# SPDX-License-Identifier: Apache-2.0
"""The servers' data on the machine that serves it: nobody else's to read, and nothing left of runs that were killed."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._os_provision.media import find, has_media
from ansible_collections.baremetal.fabric.plugins.modules import os_provision_seed as seed

MAC, OTHER = "0c:42:a1:00:00:01", "0c:42:a1:00:00:02"
FIRST, SECOND, THIRD = ("a-name-that-nobody-guesses-" + each for each in "123")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    masks: list[int] = []
    monkeypatch.setattr("os.umask", masks.append)
    return tmp_path / "media"


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_killed_run_of_the_same_server_leaves_nothing(root: Path) -> None:
    seed.write(root, FIRST, MAC, {"seed.img": b"secret"})
    seed.write(root, SECOND, OTHER, {"seed.img": b"another's"})
    seed.write(root, THIRD, MAC, {"seed.img": b"secret"})
    assert sorted(each.name for each in root.iterdir()) == [SECOND, THIRD]
    assert (mode(root), mode(root / THIRD), mode(root / THIRD / "seed.img")) == (0o700, 0o700, 0o600)
    assert find(root, f"/{THIRD}/seed.img") is not None
    assert find(root, f"/{THIRD}/.owner") is None


def test_a_name_that_is_given_is_written_anew(root: Path) -> None:
    seed.write(root, "0c-42-a1-00-00-01", MAC, {"user-data": b"old", "meta-data": b"old"})
    seed.write(root, "0c-42-a1-00-00-01", MAC, {"user-data": b"new"})
    assert mode(root) == 0o700
    assert sorted(each.name for each in (root / "0c-42-a1-00-00-01").iterdir()) == [".owner", "user-data"]


def test_the_root_goes_with_the_last_and_not_before(root: Path) -> None:
    seed.write(root, FIRST, MAC, {"seed.img": b"secret"})
    seed.write(root, SECOND, OTHER, {"seed.img": b"another's"})
    assert seed.remove(root, FIRST, check_mode=False)
    assert has_media(root)
    assert seed.remove(root, SECOND, check_mode=False)
    assert not root.exists() and not has_media(root)
    assert not seed.remove(root, SECOND, check_mode=False)

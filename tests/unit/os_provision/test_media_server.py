# SPDX-License-Identifier: Apache-2.0
"""The media server, by real requests."""

from __future__ import annotations

import shutil
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._os_provision import media

NAME = "a-name-that-nobody-guesses"
DATA = bytes(range(256)) * 300


@dataclass
class Running:
    root: Path
    url: str
    thread: threading.Thread
    in_time: list[bool]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    root = tmp_path / "media"
    (root / NAME).mkdir(parents=True)
    (root / NAME / "seed.img").write_bytes(DATA)
    (tmp_path / "outside").write_text("secret")
    server = media.MediaServer(root, "127.0.0.1", 0)
    in_time: list[bool] = []
    thread = threading.Thread(target=lambda: in_time.append(server.serve_while_needed(30)))
    thread.start()
    yield Running(root, f"http://127.0.0.1:{server.server_port}", thread, in_time)
    shutil.rmtree(root, ignore_errors=True)
    thread.join(10)
    assert not thread.is_alive()


def get(url: str, **headers: str) -> tuple[int, bytes, str | None]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5) as answer:
            return answer.status, answer.read(), answer.headers.get("Content-Range")
    except urllib.error.HTTPError as error:
        return error.code, b"", None


def test_a_file_is_served_whole_and_in_pieces(running: Running) -> None:
    url = f"{running.url}/{NAME}/seed.img"
    assert get(url) == (200, DATA, None)
    assert get(url, Range="bytes=2048-4095") == (206, DATA[2048:4096], f"bytes 2048-4095/{len(DATA)}")
    assert get(url, Range="bytes=76800-")[0] == 416
    assert get(url, Range="bytes=-10")[1] == DATA[-10:]
    assert get(url, Range="bytes=70000-999999")[1] == DATA[70000:]


@pytest.mark.parametrize(
    "path",
    ["/", f"/{NAME}", f"/{NAME}/", f"/{NAME}/..", "/../outside", f"/{NAME}/../../outside", f"/{NAME}/%2e%2e/outside"],
)
def test_nothing_else_is_served_or_listed(running: Running, path: str) -> None:
    assert get(running.url + path)[0] == 404


def test_links_lead_nowhere(running: Running) -> None:
    (running.root / NAME / "link").symlink_to(running.root.parent / "outside")
    assert get(f"{running.url}/{NAME}/link")[0] == 404


def test_it_ends_with_the_last_directory(running: Running) -> None:
    (running.root / "another-server-of-the-run").mkdir()
    shutil.rmtree(running.root / NAME)
    running.thread.join(2.5)
    assert running.thread.is_alive()
    (running.root / "another-server-of-the-run").rmdir()
    running.thread.join(10)
    assert running.in_time == [True]


def test_it_ends_when_its_time_is_over(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    assert media.MediaServer(tmp_path, "127.0.0.1", 0).serve_while_needed(0) is False

# SPDX-License-Identifier: Apache-2.0
"""Manifests as roles read them: from a server and from files, each held to its checksum."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import lookup_loader
from ansible_collections.baremetal.fabric.plugins.action import kube_manifests

TEXT = "kind: One\n---\nkind: Two\n\n"
RIGHT = hashlib.sha256(TEXT.encode()).hexdigest()
WRONG = "0" * 64


@pytest.fixture(autouse=True)
def lookups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ansible's own, found without its importer of collections, which a program of Ansible sets up."""
    found = lookup_loader.get
    monkeypatch.setattr(lookup_loader, "get", lambda name, **more: found(name.removeprefix("ansible.builtin."), **more))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "one.yaml").write_text(TEXT)
    (tmp_path / "files" / "other.yaml").write_text("kind: Other\n")
    return tmp_path / "files"


class Server:
    def __init__(self, directory: Path) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, *_arguments: Any) -> None:
                asked.append(self.path)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(directory)))
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def server(files: Path) -> Iterator[Server]:
    served = Server(files)
    yield served
    served.server.shutdown()
    served.server.server_close()


def read(*sources: dict[str, Any], place: Path = Path("/")) -> dict[str, Any]:
    arguments = {"sources": list(sources), "checksum_option": "x_checksums"}
    action = kube_manifests.ActionModule(
        task=MagicMock(args=arguments, async_val=0, check_mode=True, diff=False, environment=None),
        connection=MagicMock(),
        play_context=MagicMock(check_mode=True),
        loader=DataLoader(),
        templar=MagicMock(),
        shared_loader_obj=None,
    )
    result: dict[str, Any] = action.run(task_vars={"ansible_search_path": [str(place)]})
    return result


def test_texts_come_as_they_are_and_in_order(files: Path, server: Server) -> None:
    result = read(
        {"source": str(files / "other.yaml")},
        {"manifest": f"{server.url}/one.yaml", "checksum": RIGHT},
        {"manifest": "one.yaml", "checksum": RIGHT},
        place=files.parent,
    )
    assert result["changed"] is False and result["texts"] == ["kind: Other\n", TEXT, TEXT]


def test_a_url_without_a_checksum_is_not_even_asked_for(server: Server) -> None:
    pinned = {"manifest": f"{server.url}/one.yaml", "checksum": RIGHT}
    result = read(
        {"manifest": f"{server.url}/one.yaml", "checksum": ""}, pinned, {"manifest": f"{server.url}/two.yaml"}
    )
    assert result["failed"] is True and "texts" not in result and server.asked == []
    assert f"Give the SHA-256 of {server.url}/one.yaml and {server.url}/two.yaml (x_checksums)" in result["msg"]


def test_every_other_text_is_told_at_once(files: Path, server: Server) -> None:
    result = read(
        {"manifest": f"{server.url}/one.yaml", "checksum": WRONG},
        {"manifest": str(files / "one.yaml"), "checksum": RIGHT},
        {"manifest": str(files / "one.yaml"), "checksum": WRONG},
    )
    assert result["failed"] is True and "texts" not in result
    assert result["msg"].splitlines() == [
        f"{each} has the SHA-256 {RIGHT}, not {WRONG}" for each in (f"{server.url}/one.yaml", files / "one.yaml")
    ]


def test_a_checksum_of_nothing_is_a_mistake(files: Path) -> None:
    result = read({"manifest": str(files / "one.yaml"), "checksum": RIGHT}, {"manifest": "", "checksum": WRONG})
    assert result["failed"] is True and result["msg"] == f"x_checksums: {WRONG} is of no manifest"


@pytest.mark.parametrize("missing", ["/nowhere/one.yaml", "{}/missing.yaml"])
def test_what_cannot_be_read_is_named(missing: str, server: Server) -> None:
    manifest = missing.format(server.url)
    with pytest.raises(AnsibleError, match=manifest):
        read({"manifest": manifest, "checksum": WRONG})

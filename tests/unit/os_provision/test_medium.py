# SPDX-License-Identifier: Apache-2.0
"""The medium with a server's data: what a kernel and cloud-init would find on it."""

from __future__ import annotations

import io

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._os_provision import model, seed

from .conftest import options

pycdlib = pytest.importorskip("pycdlib")


@pytest.mark.parametrize("distribution", [seed.UBUNTU, seed.DEBIAN])
def test_the_medium_holds_the_documents(distribution: str) -> None:
    texts = seed.documents(model.installation(options(distribution=distribution)))
    data = seed.medium(texts)
    assert len(data) % 2048 == 0
    image = pycdlib.PyCdlib()
    image.open_fp(io.BytesIO(data))
    # by the label cloud-init finds it
    assert image.pvd.volume_identifier.decode().strip() == "CIDATA"
    for facade in (image.get_rock_ridge_facade(), image.get_joliet_facade()):
        names = {child.file_identifier() for child in facade.list_children("/")}
        for name, text in texts.items():
            written = io.BytesIO()
            facade.get_file_from_iso_fp(written, f"/{name}")
            assert written.getvalue().decode() == text
        assert len(names) >= len(texts)
    image.close()

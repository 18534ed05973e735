"""Write OCI image archives from local files: no daemon, no registry, the same bytes for the same content."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"


@dataclass(frozen=True)
class Entry:
    """One thing in a layer: a local file, given content, or a symbolic link."""

    path: str
    source: Path | None = None
    content: bytes = b""
    link: str = ""
    mode: int = 0o755


@dataclass(frozen=True)
class Settings:
    """How a container of the image starts."""

    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def _parents(path: str) -> list[str]:
    return [str(parent) for parent in reversed(PurePosixPath(path).parents) if str(parent) not in (".", "/")]


def _directory(archive: tarfile.TarFile, path: str, mode: int = 0o755) -> None:
    info = tarfile.TarInfo(path)
    info.type, info.mode = tarfile.DIRTYPE, mode
    archive.addfile(info)


def write_layer(stream: io.BufferedRandom | io.BytesIO, entries: Sequence[Entry]) -> tuple[str, int]:
    """Write a layer; its digest and size. Times and owners are fixed, folders come before what is in them."""
    start = stream.tell()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        made: set[str] = set()
        for entry in sorted(entries, key=lambda entry: entry.path):
            path = entry.path.lstrip("/")
            for parent in _parents(path):
                if parent not in made:
                    _directory(archive, parent, 0o1777 if parent == "tmp" else 0o755)
                    made.add(parent)
            info = tarfile.TarInfo(path)
            info.mode = entry.mode
            if entry.link:
                info.type, info.linkname, info.mode = tarfile.SYMTYPE, entry.link, 0o777
                archive.addfile(info)
            elif entry.source is not None:
                info.size = entry.source.stat().st_size
                with entry.source.open("rb") as source:
                    archive.addfile(info, source)
            else:
                info.size = len(entry.content)
                archive.addfile(info, io.BytesIO(entry.content))
    size = stream.tell() - start
    stream.seek(start)
    digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return digest, size


def _document(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _descriptor(kind: str, digest: str, size: int) -> dict[str, Any]:
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": size}


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), 0o644
    archive.addfile(info, io.BytesIO(content))


def write_image(target: Path, reference: str, layers: Sequence[Sequence[Entry]], settings: Settings) -> str:
    """Write the archive of one image in one step; the digest under which a runtime knows the image."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(target.name + ".new")
    with tempfile.TemporaryFile(dir=target.parent) as spool, tarfile.open(temporary, "w") as archive:
        blobs: list[tuple[int, str, int]] = []
        for layer in layers:
            offset = spool.seek(0, io.SEEK_END)
            digest, size = write_layer(spool, layer)
            blobs.append((offset, digest, size))
        config = _document(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {
                    "Entrypoint": list(settings.entrypoint),
                    "Cmd": list(settings.command),
                    "Env": [f"{key}={value}" for key, value in settings.environment.items()],
                    "WorkingDir": "/",
                },
                "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for _, digest, _ in blobs]},
            }
        )
        config_digest = hashlib.sha256(config).hexdigest()
        manifest = _document(
            {
                "schemaVersion": 2,
                "mediaType": _MANIFEST,
                "config": _descriptor(_CONFIG, config_digest, len(config)),
                "layers": [_descriptor(_LAYER, digest, size) for _, digest, size in blobs],
            }
        )
        manifest_digest = hashlib.sha256(manifest).hexdigest()
        index = _descriptor(_MANIFEST, manifest_digest, len(manifest))
        index["annotations"] = {
            "io.containerd.image.name": reference,
            "org.opencontainers.image.ref.name": reference.rsplit(":", 1)[1],
        }
        index["platform"] = {"architecture": "amd64", "os": "linux"}
        _add(archive, "oci-layout", _document({"imageLayoutVersion": "1.0.0"}))
        _add(archive, "index.json", _document({"schemaVersion": 2, "manifests": [index]}))
        _add(archive, f"blobs/sha256/{config_digest}", config)
        _add(archive, f"blobs/sha256/{manifest_digest}", manifest)
        for offset, digest, size in {digest: blob for blob in blobs for digest in [blob[1]]}.values():
            info = tarfile.TarInfo(f"blobs/sha256/{digest}")
            info.size, info.mode = size, 0o644
            spool.seek(offset)
            archive.addfile(info, spool)
    temporary.replace(target)
    return f"sha256:{manifest_digest}"

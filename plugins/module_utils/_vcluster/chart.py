# SPDX-License-Identifier: Apache-2.0
"""What a chart says of itself: its version, its own values, and the schema that Helm holds values to."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._kube import yaml_text

_SCHEMA, _CHART, _VALUES = "values.schema.json", "Chart.yaml", "values.yaml"
_FILES = (_SCHEMA, _CHART, _VALUES)


class ChartError(ValueError):
    """A chart that cannot be read."""


@dataclass(frozen=True)
class Chart:
    #: For messages.
    path: str
    #: None where only a schema was given.
    version: str | None
    #: None where the chart holds its values to nothing.
    schema: Mapping[str, Any] | None
    #: What holds where nothing else is said; None where only a schema was given.
    values: Mapping[str, Any] | None = None


def find(chart: str, version: str, caches: Iterable[Path]) -> Path | None:
    """The chart's place on this machine: the path that it is, or what Helm has kept of an earlier download."""
    if Path(chart).exists():
        return Path(chart)
    name = f"{chart.rsplit('/', 1)[-1]}-{version}.tgz"
    return next((cache / name for cache in caches if (cache / name).is_file()), None)


def read(path: Path) -> Chart:
    """A chart as a directory or an archive, or a schema alone."""
    try:
        if path.is_dir():
            texts = {name: (path / name).read_text() for name in _FILES if (path / name).is_file()}
        elif path.suffix == ".json":
            texts = {_SCHEMA: path.read_text()}
        else:
            texts = _from_archive(path)
        schema = json.loads(texts[_SCHEMA]) if _SCHEMA in texts else None
        about = yaml_text.load(texts[_CHART]) if _CHART in texts else {}
        values = yaml_text.load(texts[_VALUES]) if _VALUES in texts else None
    except (OSError, ValueError, tarfile.TarError) as error:
        raise ChartError(f"{path} cannot be read as a chart or its schema: {error}") from error
    version = about.get("version") if isinstance(about, Mapping) else None
    return Chart(
        str(path),
        str(version) if version else None,
        schema if isinstance(schema, Mapping) else None,
        values if isinstance(values, Mapping) else None,
    )


def _from_archive(path: Path) -> dict[str, str]:
    """The files of the chart itself; those of charts inside of it are deeper down."""
    texts = {}
    with tarfile.open(path) as archive:
        for member in archive:
            directory, _slash, name = member.name.rpartition("/")
            if name in _FILES and "/" not in directory.removeprefix("./"):
                content = archive.extractfile(member)
                if content is not None:
                    texts[name] = content.read().decode("utf-8")
    return texts

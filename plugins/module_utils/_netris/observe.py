# Copyright: Contributors to the baremetal.fabric collection
# SPDX-License-Identifier: Apache-2.0

# This code is private to the baremetal.fabric collection: it may change without notice.

"""Reading: one list request per noun and round, whatever the number of objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .model import World
from .noun import Document, Source
from .nouns.registry import ALL


class CachedSource:
    """Some nouns share a list; within one round it is asked for once."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._lists: dict[Any, list[dict[str, Any]]] = {}

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        return self._source.get(path, params)

    def get_list(self, path: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        key = (path, tuple(sorted((params or {}).items())))
        if key not in self._lists:
            self._lists[key] = self._source.get_list(path, params)
        return self._lists[key]


class Observer:
    """Keeps a world up to date with the controller."""

    def __init__(self, source: Source, nouns: Iterable[str], document: Document | None = None) -> None:
        """Without a document, every object of the nouns is read; with one, those that can matter to its entries."""
        self._source = source
        self._nouns = closure(nouns)
        self._document = document
        self.world = World()

    def look(self, touched: Iterable[str] | None = None) -> World:
        """Read everything, or only what changes of the nouns `touched` can have changed."""
        if touched is None:
            stale = set(self._nouns)
        else:
            stale = {key for noun in touched for key in (noun, *ALL[noun].affects)} & self._nouns
        source = CachedSource(self._source)
        for key, noun in ALL.items():
            if key not in stale:
                continue
            entries = None if self._document is None else self._document.of(key)
            self.world.names.forget(key)
            wires = list(noun.list(source, self.world, entries))
            found = [noun.record(wire, self.world.names) for wire in wires]
            records = [record for record in found if record is not None]
            self.world.put(key, records)
            for record in records:
                name = record.value.get("name")
                if name:
                    self.world.names.learn(key, record.id, str(name))
        return self.world


def closure(nouns: Iterable[str]) -> set[str]:
    """The nouns and all that they need."""
    open_ends, found = list(nouns), set()
    while open_ends:
        key = open_ends.pop()
        if key not in found:
            found.add(key)
            open_ends.extend(ALL[key].needs)
    return found


def nouns_of(document: Document, purge: Iterable[str] = ()) -> set[str]:
    """Everything that must be read to plan a document."""
    wanted = set(document.nouns()) | set(purge)
    for key in document.nouns():
        noun = ALL[key]
        for entry in document.of(key):
            if entry.absent:
                wanted.update(noun.used_by)
            else:
                wanted.update(reference.noun for reference in noun.references(entry))
    return wanted

# Copyright: Contributors to the baremetal.fabric collection
# SPDX-License-Identifier: Apache-2.0

# This code is private to the baremetal.fabric collection: it may change without notice.

"""From what a user wrote to a document of entries; every mistake that shows without the controller, all at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .errors import DocumentInvalid, Mistake
from .model import Entry, Value
from .noun import Document, Noun
from .nouns.registry import MANAGED
from .options import Option, flag, suggest, text, validate_entry

COMMON: Mapping[str, Option] = {
    "state": text(choices=("present", "absent")),
    "adopt": flag(),
    "recreate": flag(),
    "if_unused": flag(),
}


def parse_document(raw: Any, purge: Sequence[str] = ()) -> Document:
    """A whole document: a mapping of lists."""
    mistakes: list[Mistake] = []
    if not isinstance(raw, Mapping):
        raise DocumentInvalid([Mistake("document", "must be a mapping of lists")])
    for position, key in enumerate(purge):
        noun = MANAGED.get(key)
        if noun is None:
            mistakes.append(Mistake(f"purge[{position}]", f"{key!r} is not known{suggest(key, MANAGED)}"))
        elif not noun.marked:
            mistakes.append(
                Mistake(
                    f"purge[{position}]",
                    f"{key} carry no tags, so nobody can tell which of them are ours: list them as absent",
                )
            )
    entries: dict[str, list[Entry]] = {}
    for key, items in raw.items():
        noun = MANAGED.get(str(key))
        if noun is None:
            mistakes.append(Mistake(str(key), f"is not known here{suggest(str(key), MANAGED)}"))
        elif items is None:
            continue
        elif isinstance(items, (str, Mapping)) or not isinstance(items, Sequence):
            mistakes.append(Mistake(str(key), "must be a list"))
        else:
            entries[noun.key] = [
                _entry(noun, item, f"{noun.key}[{position}]", mistakes) for position, item in enumerate(items)
            ]
    return _finish(entries, mistakes)


def parse_single(noun: Noun, raw: Mapping[str, Any]) -> Document:
    """One entry, as a module's options give it."""
    mistakes: list[Mistake] = []
    return _finish({noun.key: [_entry(noun, raw, "", mistakes)]}, mistakes)


def entry_options(noun: Noun) -> dict[str, Option]:
    return {**noun.options, **COMMON}


def _entry(noun: Noun, raw: Any, path: str, mistakes: list[Mistake]) -> Entry:
    before = len(mistakes)
    clean = validate_entry(raw, entry_options(noun), path, mistakes)
    sound = len(mistakes) == before
    desired: Value = {}
    if sound:
        for field in noun.fields:
            if field.name in clean:
                desired[field.name] = field.codec.normalise(clean[field.name])
    entry = Entry(
        noun=noun.key,
        path=path,
        name=noun.title(desired) if sound else "?",
        desired=desired,
        absent=clean.get("state") == "absent",
        adopt=bool(clean.get("adopt")),
        recreate=bool(clean.get("recreate")),
        if_unused=bool(clean.get("if_unused")),
        raw=clean,
    )
    if sound:
        mistakes.extend(noun.check_entry(entry))
    return entry


def _finish(entries: Mapping[str, Sequence[Entry]], mistakes: list[Mistake]) -> Document:
    # Entries with mistakes of their own are not compared with each other: that would only repeat them in other words.
    broken = {mistake.path.split(".")[0] for mistake in mistakes}
    for key, found in entries.items():
        mistakes.extend(
            _clashes(MANAGED[key], [entry for entry in found if entry.path not in broken and entry.desired])
        )
    if mistakes:
        raise DocumentInvalid([Mistake(mistake.path.lstrip("."), mistake.message) for mistake in mistakes])
    return Document(entries)


def _clashes(noun: Noun, entries: Sequence[Entry]) -> list[Mistake]:
    """Entries that mean the same object, or that want the same thing exclusively."""
    mistakes: list[Mistake] = []
    seen: dict[Any, str] = {}
    holders: dict[str, Entry] = {}
    for entry in entries:
        cluster = entry.raw.get("server_cluster")
        key = ("of", cluster, entry.raw.get("postfix"), entry.name) if cluster else noun.identity(entry.desired)
        if key in seen:
            mistakes.append(Mistake(entry.path, f"is the same {noun.label} as {seen[key]}: {entry.name!r}"))
            continue
        seen[key] = entry.path
        if entry.absent:
            continue
        for claim in sorted(noun.claims(entry.desired)):
            if claim in holders:
                other = holders[claim]
                mistakes.append(
                    Mistake(entry.path, f"{claim} is wanted by {entry.name!r} and by {other.name!r} ({other.path})")
                )
            else:
                holders[claim] = entry
    return mistakes

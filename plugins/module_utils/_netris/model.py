# Copyright: Contributors to the baremetal.fabric collection
# SPDX-License-Identifier: Apache-2.0

# This code is private to the baremetal.fabric collection: it may change without notice.

# Hooks and codecs share one signature, whether or not one of them needs all of it.
# ruff: noqa: ARG002

"""The engine's view of the world: names and ids, fields and their codecs, records, and what a noun declares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Wire = Mapping[str, Any]
Value = dict[str, Any]
Identity = tuple[Any, ...]

OWNERSHIP_MARK = "managed-by=baremetal.fabric"


class UnknownName(Exception):
    """A name that no id is known for (yet)."""

    def __init__(self, noun: str, name: str) -> None:
        self.noun = noun
        self.name = name
        super().__init__(f"{noun} {name!r}")


class Names:
    """Names and ids of everything seen, in both directions."""

    def __init__(self) -> None:
        self._ids: dict[str, dict[str, set[int]]] = {}
        self._names: dict[str, dict[int, str]] = {}

    def learn(self, noun: str, ident: int, name: str) -> None:
        self._ids.setdefault(noun, {}).setdefault(name, set()).add(ident)
        self._names.setdefault(noun, {})[ident] = name

    def forget(self, noun: str) -> None:
        """Before a noun is listed again: what is gone must not resolve any more."""
        self._ids.pop(noun, None)
        self._names.pop(noun, None)

    def name_of(self, noun: str, ident: int) -> str | None:
        return self._names.get(noun, {}).get(ident)

    def knows(self, noun: str, name: str) -> bool:
        return bool(self._ids.get(noun, {}).get(name))

    def all_of(self, noun: str) -> list[str]:
        return sorted(self._ids.get(noun, {}))

    def id_of(self, noun: str, name: str) -> int:
        """The lowest id wins: two of one name can only be left over from a race, which the lowest id wins too."""
        ids = self._ids.get(noun, {}).get(name)
        if not ids:
            raise UnknownName(noun, name)
        return min(ids)


@dataclass(frozen=True)
class Reference:
    """An entry's mention of another object; `path` is relative to the entry."""

    noun: str
    name: str
    path: str


# Codecs: how one field looks on the wire and in comparable form.


class Codec:
    """A plain value: comparable and wire form are the same."""

    def read(self, wire: Any, names: Names) -> Any:
        return wire

    def write(self, value: Any, names: Names) -> Any:
        return value

    def normalise(self, desired: Any) -> Any:
        """A document's value in comparable form."""
        return desired

    def merge(self, before: Any, desired: Any, entry: Mapping[str, Any]) -> Any:
        """What the field will be when `desired` is applied over `before`."""
        return desired

    def references(self, value: Any, path: str) -> Iterator[Reference]:
        return iter(())


PLAIN = Codec()


class Text(Codec):
    def read(self, wire: Any, names: Names) -> Any:
        return "" if wire is None else str(wire)


class Number(Codec):
    def read(self, wire: Any, names: Names) -> Any:
        try:
            return None if wire in (None, "") else int(wire)
        except (TypeError, ValueError):
            return None


class Flag(Codec):
    """A boolean that the wire may spell as words."""

    def __init__(self, true: Any = True, false: Any = False) -> None:
        self._true = true
        self._false = false

    def read(self, wire: Any, names: Names) -> Any:
        return wire == self._true or wire is True

    def write(self, value: Any, names: Names) -> Any:
        return self._true if value else self._false


class Texts(Codec):
    """A list of words whose order means nothing, unless said otherwise."""

    def __init__(self, ordered: bool = False) -> None:
        self._ordered = ordered

    def read(self, wire: Any, names: Names) -> Any:
        return self.normalise([str(item) for item in wire or []])

    def normalise(self, desired: Any) -> Any:
        return list(desired) if self._ordered else sorted(set(desired))


class Ref(Codec):
    """A reference to one object: a name here, {"id": N} there."""

    def __init__(self, noun: str) -> None:
        self.noun = noun

    def read(self, wire: Any, names: Names) -> Any:
        return read_reference(self.noun, wire, names)

    def write(self, value: Any, names: Names) -> Any:
        return {"id": names.id_of(self.noun, value), "name": value}

    def references(self, value: Any, path: str) -> Iterator[Reference]:
        yield Reference(self.noun, value, path)


class Refs(Codec):
    """References to any number of objects, in any order."""

    def __init__(self, noun: str) -> None:
        self.noun = noun

    def read(self, wire: Any, names: Names) -> Any:
        found = (read_reference(self.noun, item, names) for item in wire or [])
        return sorted(name for name in found if name)

    def write(self, value: Any, names: Names) -> Any:
        return [{"id": names.id_of(self.noun, name), "name": name} for name in value]

    def normalise(self, desired: Any) -> Any:
        return sorted(set(desired))

    def references(self, value: Any, path: str) -> Iterator[Reference]:
        for position, name in enumerate(value):
            yield Reference(self.noun, name, f"{path}[{position}]")


class Tags(Texts):
    """Tags are the caller's, except the ownership mark, which stays once it is there."""

    def merge(self, before: Any, desired: Any, entry: Mapping[str, Any]) -> Any:
        kept = [OWNERSHIP_MARK] if OWNERSHIP_MARK in (before or []) else []
        return sorted(set(desired) | set(kept))


def read_reference(noun: str, wire: Any, names: Names) -> str | None:
    """The name behind a wire reference; what it teaches about names is kept for writing it back."""
    if not isinstance(wire, Mapping):
        return None
    ident = integer(wire.get("id"))
    name = str(wire.get("name") or "")
    if ident is None or ident == 0:
        return name or None
    known = names.name_of(noun, ident)
    if known is not None:
        return known
    if name:
        names.learn(noun, ident, name)
    return name or f"#{ident}"


def integer(value: Any) -> int | None:
    try:
        return None if value is None or isinstance(value, bool) else int(value)
    except (TypeError, ValueError):
        return None


# Declarations.


@dataclass(frozen=True)
class Field:
    """One managed property of a noun."""

    name: str
    wire: str
    codec: Codec = PLAIN
    # Cannot be changed by the controller's API once the object exists.
    immutable: bool = False
    # What we send on creation when the document says nothing; None leaves it to the controller.
    on_create: Any = None
    # Sent when creating, never read back.
    create_only: bool = False
    # Left out of the body of an update.
    in_update: bool = True
    # Some controllers do not return it: then it cannot be compared.
    may_be_unread: bool = False


@dataclass(frozen=True)
class Record:
    """One object as the controller has it: comparable value plus the reading it came from."""

    noun: str
    id: int
    value: Value
    wire: Wire

    @property
    def owned(self) -> bool:
        return OWNERSHIP_MARK in (self.value.get("tags") or [])


@dataclass(frozen=True)
class Entry:
    """One entry of a document, validated and in comparable form."""

    noun: str
    path: str
    name: str
    desired: Value
    absent: bool = False
    adopt: bool = False
    recreate: bool = False
    if_unused: bool = False
    # The validated entry as written, for what is not a field.
    raw: Mapping[str, Any] = field(default_factory=dict)


class World:
    """Everything that was read, by noun."""

    def __init__(self) -> None:
        self.names = Names()
        self._records: dict[str, list[Record]] = {}

    def put(self, noun: str, records: Iterable[Record]) -> None:
        self._records[noun] = sorted(records, key=lambda record: record.id)

    def has(self, noun: str) -> bool:
        return noun in self._records

    def all(self, noun: str) -> Sequence[Record]:
        return self._records.get(noun, [])

    def by_name(self, noun: str, name: str) -> Record | None:
        return next((record for record in self.all(noun) if record.value.get("name") == name), None)

    def by_id(self, noun: str, ident: int | None) -> Record | None:
        return next((record for record in self.all(noun) if record.id == ident), None)

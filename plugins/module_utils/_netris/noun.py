# Copyright: Contributors to the baremetal.fabric collection
# SPDX-License-Identifier: Apache-2.0

# This code is private to the baremetal.fabric collection: it may change without notice.

# Hooks and codecs share one signature, whether or not one of them needs all of it.
# ruff: noqa: ARG002

"""What a noun declares. The defaults here fit most nouns; a noun file overrides only what is different about it."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol

from .client import single
from .errors import Mistake
from .model import OWNERSHIP_MARK, Entry, Field, Identity, Names, Record, Reference, Value, Wire, World, integer
from .options import Option


class EntryProblem(Exception):
    """A mistake in an entry that only shows against what exists. `path` is relative to the entry."""

    def __init__(self, path: str, message: str) -> None:
        self.path = path
        self.message = message
        super().__init__(message)


class Source(Protocol):
    """Where readings come from."""

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any: ...

    def get_list(self, path: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]: ...


class Document:
    """All entries of one run, by noun."""

    def __init__(self, entries: Mapping[str, Sequence[Entry]]) -> None:
        self._entries = {noun: list(found) for noun, found in entries.items()}

    def nouns(self) -> list[str]:
        return [noun for noun, found in self._entries.items() if found]

    def of(self, noun: str) -> Sequence[Entry]:
        return self._entries.get(noun, [])

    def promises(self, noun: str, name: str) -> bool:
        """True when this document will see to it that the object exists."""
        return any(entry.name == name and not entry.absent for entry in self.of(noun))

    def removes(self, noun: str, name: str) -> bool:
        return any(entry.name == name and entry.absent for entry in self.of(noun))


class Noun:
    """One kind of object."""

    # Key in documents, and how messages call one of these.
    key: ClassVar[str]
    label: ClassVar[str]
    options: ClassVar[Mapping[str, Option]] = {}
    fields: ClassVar[tuple[Field, ...]] = ()
    # Creation goes up in rank, deletion down.
    rank: ClassVar[int] = 0
    # Where objects are written, and where one is read by id; an empty `by_id` means that only lists can be read.
    collection: ClassVar[str] = ""
    by_id: ClassVar[str] = ""
    identity_fields: ClassVar[tuple[str, ...]] = ("name",)
    # Fields without which nothing can be created.
    needed: ClassVar[tuple[str, ...]] = ()
    # Other nouns that must be read to understand or check this one.
    needs: ClassVar[tuple[str, ...]] = ()
    # Other nouns whose objects the controller makes or removes when this one changes.
    affects: ClassVar[tuple[str, ...]] = ()
    # Wire keys that an update would lose if they were not sent again.
    resend: ClassVar[tuple[str, ...]] = ()
    # False where the controller accepts a second object of the same name, so that a race must be settled by us.
    unique_names: ClassVar[bool] = True
    # Removal may go on in the background; what comes after it must wait until the object is gone.
    removal_is_slow: ClassVar[bool] = False
    # Refused as long as such a slow removal holds the object, so a refusal is worth a second try.
    removal_may_be_early: ClassVar[bool] = False
    # Nouns whose objects may use one of these, to be read when one shall be deleted.
    used_by: ClassVar[tuple[str, ...]] = ()

    # Reading.

    def list(self, source: Source, world: World, entries: Sequence[Entry] | None) -> Iterable[Wire]:
        """All objects that can matter to `entries`, or every object there is when that is None."""
        return source.get_list(self.collection)

    def selects(self, wire: Wire) -> bool:
        """For lists that several nouns share."""
        return True

    def read(self, wire: Wire, names: Names) -> Value:
        """The comparable form of a reading."""
        value: Value = {}
        for field in self.fields:
            if field.create_only:
                continue
            if field.may_be_unread and field.wire not in wire:
                value[field.name] = None
                continue
            value[field.name] = field.codec.read(wire.get(field.wire), names)
        return value

    def record(self, wire: Wire, names: Names) -> Record | None:
        ident = integer(wire.get("id"))
        if ident is None or not self.selects(wire):
            return None
        return Record(self.key, ident, self.read(wire, names), wire)

    def extras(self, record: Record, world: World) -> Value:
        """Read-only facts beyond the managed fields."""
        return {}

    # Recognising.

    @property
    def marked(self) -> bool:
        """Whether objects can carry the ownership mark."""
        return any(field.name == "tags" for field in self.fields)

    def identity(self, value: Mapping[str, Any]) -> Identity:
        return tuple(value.get(name) for name in self.identity_fields)

    def title(self, value: Mapping[str, Any]) -> str:
        return str(value.get("name") or "?")

    def find(self, entry: Entry, world: World) -> Sequence[Record]:
        """The objects that an entry means: equal in every identity field that the entry gives."""
        given = {name: entry.desired[name] for name in self.identity_fields if entry.desired.get(name) is not None}
        return [
            record
            for record in world.all(self.key)
            if all(record.value.get(name) == value for name, value in given.items())
        ]

    def derived(self, record: Record, world: World) -> bool:
        """True for what the controller made for another object: never marked, never purged."""
        return False

    def awaited(self, entry: Entry, world: World, document: Document) -> str:
        """Why an entry's object cannot exist yet and must not be created by us; empty if it is ours to create."""
        return ""

    def awaited_fields(self, entry: Entry) -> Iterable[str]:
        """Fields whose value is known only once the wait is over; the object is then ours to create."""
        return ()

    def resolved(self, entry: Entry, world: World) -> Entry:
        """The entry with what it says in terms of other objects put in their words, as far as these are known."""
        return entry

    # Checking.

    def check_entry(self, entry: Entry) -> Iterator[Mistake]:
        """Mistakes that show without looking at the controller."""
        return iter(())

    def check_against(self, entry: Entry, world: World, document: Document) -> Iterator[Mistake]:
        """Mistakes that show only beside what exists."""
        return iter(())

    def references(self, entry: Entry) -> Iterator[Reference]:
        for field in self.fields:
            value = entry.desired.get(field.name)
            if value is not None and not (isinstance(value, str) and value == ""):
                yield from field.codec.references(value, field.name)

    def promised(self, name: str, document: Document) -> bool:
        """Whether this document brings about the object that another entry refers to."""
        return document.promises(self.key, name)

    def claims(self, value: Mapping[str, Any]) -> frozenset[str]:
        """What an object holds exclusively, in words: of two objects only one can have it."""
        return frozenset()

    def release_only(self, before: Value, after: Value) -> Value | None:
        """The changes that only let go of claims, for when two objects swap them; None if that cannot be split."""
        return None

    def users(self, record: Record, world: World) -> builtins.list[tuple[str, Record]]:
        """Who still needs an object that is to be deleted, as pairs of noun and record."""
        return []

    # Writing.

    def create_body(self, after: Mapping[str, Any], names: Names) -> dict[str, Any]:
        body: dict[str, Any] = {}
        for field in self.fields:
            value = after.get(field.name)
            if value is not None and field.wire:
                body[field.wire] = field.codec.write(value, names)
        return body

    def update_body(self, after: Mapping[str, Any], record: Record, names: Names) -> dict[str, Any]:
        """Updates replace whole objects, so everything goes in: what changes, what stays and what we do not manage."""
        body = {key: record.wire[key] for key in self.resend if key in record.wire}
        for field in self.fields:
            value = after.get(field.name)
            if value is not None and field.wire and field.in_update and not field.create_only:
                body[field.wire] = field.codec.write(value, names)
        return body

    def create_path(self) -> str:
        return self.collection

    def update_path(self, record: Record) -> str:
        return f"{self.collection}/{record.id}"

    def update_method(self) -> str:
        return "PUT"

    def delete_path(self, record: Record) -> str:
        return f"{self.collection}/{record.id}"

    def created_id(self, data: Any) -> int | None:
        """The id in the answer to a create: an object, an array of one, or the bare number."""
        if isinstance(data, (int, str)):
            return integer(data)
        return integer(single(data).get("id"))

    def marked_tags(self, tags: Iterable[str]) -> builtins.list[str]:
        return sorted({*tags, OWNERSHIP_MARK})

# Copyright: Contributors to the baremetal.fabric collection
# SPDX-License-Identifier: Apache-2.0

# This code is private to the baremetal.fabric collection: it may change without notice.

"""What a document's entry may hold: types, formats, and a validator that reports every mistake at once."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import Mistake

Check = Callable[[Any], "str | None"]

TRUE_WORDS = frozenset({"true", "yes", "on", "1"})
FALSE_WORDS = frozenset({"false", "no", "off", "0"})


@dataclass(frozen=True)
class Option:
    """One key of an entry. The same declaration makes the module's argument specification."""

    type: str = "str"
    elements: str | None = None
    options: Mapping[str, Option] = field(default_factory=dict)
    choices: tuple[str, ...] = ()
    required: bool = False
    check: Check | None = None
    no_log: bool | None = None  # said only where a name looks like a secret's and is none

    def argument_spec(self) -> dict[str, Any]:
        spec: dict[str, Any] = {"type": self.type}
        if self.elements:
            spec["elements"] = self.elements
        if self.options:
            spec["options"] = {name: option.argument_spec() for name, option in self.options.items()}
        if self.choices:
            spec["choices"] = list(self.choices)
        if self.required:
            spec["required"] = True
        if self.no_log is not None:
            spec["no_log"] = self.no_log
        return spec


def text(**kwargs: Any) -> Option:
    return Option("str", **kwargs)


def number(**kwargs: Any) -> Option:
    return Option("int", **kwargs)


def flag(**kwargs: Any) -> Option:
    return Option("bool", **kwargs)


def texts(**kwargs: Any) -> Option:
    return Option("list", elements="str", **kwargs)


def items(options: Mapping[str, Option], **kwargs: Any) -> Option:
    return Option("list", elements="dict", options=options, **kwargs)


# Formats.


def between(low: int, high: int) -> Check:
    def check(value: Any) -> str | None:
        return None if low <= value <= high else f"{value} is not between {low} and {high}"

    return check


def not_blank(value: Any) -> str | None:
    return None if str(value).strip() == str(value) and value else f"{value!r} is empty or has blanks around it"


def network(value: Any) -> str | None:
    """A prefix without host bits."""
    try:
        ipaddress.ip_network(value)
    except ValueError:
        try:
            right = ipaddress.ip_network(value, strict=False)
        except ValueError:
            return f"{value!r} is not a prefix such as 192.168.64.0/18"
        return f"{value!r} has host bits set: write {right}"
    return None if "/" in value else f"{value!r} has no prefix length"


def interface(value: Any) -> str | None:
    """A gateway: host address with prefix length."""
    try:
        parsed = ipaddress.ip_interface(value)
    except ValueError:
        return f"{value!r} is not an address with prefix length such as 192.168.55.254/21"
    if "/" not in value:
        return f"{value!r} has no prefix length"
    if parsed.network.num_addresses > 2 and parsed.ip == parsed.network.network_address:
        return f"{value!r} is the network's own address, not that of a gateway"
    return None


def address(value: Any) -> str | None:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return f"{value!r} is not an address"
    return None


def blank_or(check: Check) -> Check:
    def either(value: Any) -> str | None:
        return None if value == "" else check(value)

    return either


_PORT = re.compile(r"^[^@\s]+@[^@\s]+$")


def port(value: Any) -> str | None:
    return (
        None if _PORT.match(value) else f"{value!r} is not of the form port@device, such as eth9@server1 or swp5@leaf1"
    )


def validate_entry(entry: Any, options: Mapping[str, Option], path: str, mistakes: list[Mistake]) -> dict[str, Any]:
    """Check one mapping against its options. Returns it with values in their types, without what is null."""
    if not isinstance(entry, Mapping):
        mistakes.append(Mistake(path, f"must be a mapping, not {_kind(entry)}"))
        return {}
    clean: dict[str, Any] = {}
    for key, value in entry.items():
        option = options.get(str(key))
        if option is None:
            mistakes.append(Mistake(f"{path}.{key}", f"is not known here{suggest(str(key), options)}"))
        elif value is not None:
            clean[str(key)] = _value(value, option, f"{path}.{key}", mistakes)
    for key, option in options.items():
        if option.required and key not in clean:
            mistakes.append(Mistake(f"{path}.{key}", "is required"))
    return clean


def _value(value: Any, option: Option, path: str, mistakes: list[Mistake]) -> Any:
    if option.type == "list":
        if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
            mistakes.append(Mistake(path, f"must be a list, not {_kind(value)}"))
            return []
        element = Option(option.elements or "raw", options=option.options, choices=option.choices, check=option.check)
        return [_value(item, element, f"{path}[{number}]", mistakes) for number, item in enumerate(value)]
    if option.type == "dict" and option.options:
        return validate_entry(value, option.options, path, mistakes)
    converted, problem = _convert(value, option.type)
    if problem is None and option.choices and converted not in option.choices:
        problem = f"{converted!r} is not one of {', '.join(option.choices)}"
    if problem is None and option.check is not None:
        problem = option.check(converted)
    if problem is not None:
        mistakes.append(Mistake(path, problem))
    return converted


def _convert(value: Any, kind: str) -> tuple[Any, str | None]:
    """Templates often turn numbers and booleans into text, so clear text forms of them are taken."""
    if kind == "str":
        if isinstance(value, (Mapping, list, tuple)):
            return "", f"must be text, not {_kind(value)}"
        return str(value), None
    if kind == "int":
        if isinstance(value, int) and not isinstance(value, bool):
            return int(value), None
        if isinstance(value, str) and re.fullmatch(r"-?\d+", value.strip()):
            return int(value), None
        return 0, f"must be a whole number, not {value!r}"
    if kind == "bool":
        if isinstance(value, bool):
            return value, None
        word = str(value).strip().lower()
        if word in TRUE_WORDS or word in FALSE_WORDS:
            return word in TRUE_WORDS, None
        return False, f"must be true or false, not {value!r}"
    return value, None


def suggest(name: str, known: Iterable[str]) -> str:
    """Words that help with a misspelt name."""
    names: Sequence[str] = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f" (did you mean {close[0]!r}?)"
    if names and len(names) <= 8:
        return f" (known: {', '.join(names)})"
    return ""


def _kind(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    return repr(value)

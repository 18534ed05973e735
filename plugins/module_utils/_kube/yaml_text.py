"""YAML text of documents. PyYAML comes with ansible-core, on whose machine these run, and is imported when used."""

from __future__ import annotations

import json
from typing import Any


def load(text: str) -> Any:
    """The document that the text holds; ValueError where it is no YAML."""
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"no YAML: {error}") from error


def dump(document: Any) -> str:
    """Text for a program to read, keys in the order they were given."""
    import yaml

    return str(yaml.safe_dump(document, sort_keys=False))


def plain(document: Any) -> Any:
    """The document in plain types: Ansible's own strings, lists and dictionaries are unknown to PyYAML."""
    return json.loads(json.dumps(document))


def readable(document: Any) -> str:
    """Text for a person: sorted, no anchors, and text of several lines as such, for diffs by line."""
    import yaml

    class Readable(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the signature is the library's
            return True

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
            super().increase_indent(flow, False)  # lists stand out from the key they belong to

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Readable.add_representer(str, text)
    return str(yaml.dump(document, Dumper=Readable, default_flow_style=False, sort_keys=True, width=1000))

"""The table in the page about the options, written from their declarations."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.baremetal.fabric.plugins.module_utils._vcluster import licence, options

_BEGIN, _END = "<!-- table -->\n", "<!-- end -->\n"
_HEAD = """\
| Option | Values key | Since | Proven on | Licence |
|---|---|---|---|---|
"""


def renewed(page: str) -> str:
    """The page with the table as it is declared."""
    before, _begin, rest = page.partition(_BEGIN)
    _table, _end, after = rest.partition(_END)
    return "".join((before, _BEGIN, _HEAD, *(f"{row}\n" for row in _rows()), _END, after))


def _rows() -> Iterator[str]:
    for option in options.OPTIONS:
        keys = "<br>".join(f"`{key}`" for key in option.keys) or "none"
        note = f" ({option.note})" if option.note else ""
        since = f"{option.since[0]}.{option.since[1]}"
        tier = max(map(licence.tier_of, option.keys), key=licence.TIERS.index, default=licence.TIERS[0])
        yield f"| `{option.name}`{note} | {keys} | {since} | {option.proven} | {tier} |"

"""VLAN ids: what a site's ranges allow, what is taken, what comes next."""

from __future__ import annotations

from collections.abc import Iterable

from .errors import ApiError, invalid
from .store import Record, Store

LOWEST, HIGHEST = 2, 4094


def parse_range(value: str, field: str) -> list[range]:
    """`"2-4094"` or several, comma-separated. 1 may be written as a lower end; it is never used."""
    spans = []
    for part in value.split(","):
        low, _, high = part.strip().partition("-")
        if not low.isdigit() or not (high or low).isdigit():
            raise invalid(field, f"{field} must look like 2-4094.")
        first, last = int(low), int(high or low)
        if not 1 <= first <= last <= HIGHEST:
            raise invalid(field, f"{field} must lie within 1-4094, lower end first.")
        spans.append(range(max(first, LOWEST), last + 1))
    return spans


def allowed(site: Record) -> list[range]:
    """Ids that may be used in a site at all."""
    return parse_range(site["vlanRange"] or "2-4094", "vlanRange")


def automatic(site: Record) -> list[range]:
    """Ids that the controller allots by itself."""
    value = site["vlanRangeAutoAssign"]
    return parse_range(value, "vlanRangeAutoAssign") if value else allowed(site)


def taken(store: Store, site_id: int, *, except_vnet: int = 0) -> dict[int, str]:
    """Ids in use in a site, and by what."""
    found: dict[int, str] = {}
    for vnet in store.all("vnet"):
        if site_id not in vnet["sites"] or vnet["id"] == except_vnet:
            continue
        for vlan in {vnet["vlan"], vnet["fabricVlan"]}:
            if vlan:
                found[vlan] = f"V-Net {vnet['name']}"
    for reservation in store.all("vlan_reservation"):
        if reservation["site"] == site_id:
            found[reservation["vlan"]] = "a reservation"
    return found


def allot(store: Store, sites: Iterable[Record], *, except_vnet: int = 0) -> int:
    """The lowest id that is free in all the sites."""
    sites = list(sites)
    used: set[int] = set()
    for site in sites:
        used |= taken(store, site["id"], except_vnet=except_vnet).keys()
    for span in automatic(sites[0]):
        for vlan in span:
            if vlan not in used and all(any(vlan in other for other in automatic(site)) for site in sites[1:]):
                return vlan
    names = ", ".join(site["name"] for site in sites)
    raise ApiError(f"No free VLAN ID left in the range of site {names}.", 400, {"vlan": "No free VLAN ID left."})


def claim(store: Store, sites: Iterable[Record], vlan: int, *, except_vnet: int = 0) -> int:
    """Checks an id that the client chose."""
    for site in sites:
        if not any(vlan in span for span in allowed(site)):
            raise invalid("vlan", f"VLAN ID {vlan} is outside the range {site['vlanRange']} of site {site['name']}.")
        holder = taken(store, site["id"], except_vnet=except_vnet).get(vlan)
        if holder:
            raise invalid("vlan", f"VLAN ID {vlan} is already used by {holder} in site {site['name']}.")
    return vlan

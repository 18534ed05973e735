"""Server cluster templates."""

from __future__ import annotations

from typing import Any

from .. import addresses
from ..call import Call, Reply, created, crud, deleted, updated
from ..core import stamped
from ..errors import ApiError, invalid
from ..knobs import Knobs
from ..store import Record, Store
from ..values import mapping, text, to_int, unique_name

TYPES = ("l2vpn", "l3vpn", "netris-ufm", "netris-nvlink")
ASK_WORDS = ("specify", "dynamic")  # the newer and the older word for "to be told when a cluster is made"
FAMILIES = ("ipv4", "ipv6", "dual")


def build(store: Store, knobs: Knobs, body: dict[str, Any], current: Record | None = None) -> Record:
    name = text(body, "name", required=True)
    unique_name(store, "template", name, current["id"] if current else 0)
    listed = body.get("vnets")
    if not isinstance(listed, list) or not listed:
        raise invalid("vnets", "vnets must be a list with at least one entry.")
    entries = [_entry(knobs, item, number) for number, item in enumerate(listed)]
    postfixes = [entry["postfix"] for entry in entries]
    for postfix in postfixes:
        if postfixes.count(postfix) > 1:
            raise invalid("vnets", f"vnets: postfix {postfix} is used twice.")
    if current:
        same = [entry for _, entry in current["vnets"]] == entries
        user = next((c for c in store.all("cluster") if c["template"] == current["id"]), None)
        if not same and user and knobs.template_edit_in_use == "refuse":
            raise ApiError(f"Template {name} is in use by server cluster {user['name']}; its vnets cannot be changed.")
        numbers = [number for number, _ in current["vnets"]] if same else [store.next_id("tvnet") for _ in entries]
    else:
        numbers = [store.next_id("tvnet") for _ in entries]
    return stamped(
        {
            "id": current["id"] if current else store.next_id("template"),
            "name": name,
            # Kept exactly as sent: an added default would show as a difference in official clients for ever.
            "vnets": [[number, entry] for number, entry in zip(numbers, entries, strict=True)],
        },
        current,
    )


def _entry(knobs: Knobs, item: Any, number: int) -> dict[str, Any]:
    entry = {key: value for key, value in mapping(item, "vnets").items() if key != "id"}
    where = f"vnets[{number}]"

    def bad(message: str) -> ApiError:
        return invalid("vnets", f"{where}: {message}")

    if not isinstance(entry.get("postfix"), str) or not entry["postfix"]:
        raise bad("postfix is required.")
    kind = entry.get("type")
    if kind not in TYPES:
        raise bad(f"type must be one of: {', '.join(TYPES)}.")
    if kind in ("netris-ufm", "netris-nvlink"):
        return entry
    if entry.get("vlan") != "untagged":
        raise bad("vlan must be untagged.")
    words = ASK_WORDS if knobs.vlan_id_word == "both" else (knobs.vlan_id_word,)
    allowed = ("auto", *words) if kind == "l2vpn" else ("auto",)
    if entry.get("vlanID") not in allowed:
        raise bad(f"vlanID must be one of: {', '.join(allowed)}.")
    nics = entry.get("serverNics")
    if not isinstance(nics, list) or not nics or not all(isinstance(nic, str) and nic for nic in nics):
        raise bad("serverNics must be a list of NIC names.")
    if len(set(nics)) != len(nics):
        raise bad("serverNics names a NIC twice.")
    if entry.get("ipFamily") not in (None, *FAMILIES):
        raise bad(f"ipFamily must be one of: {', '.join(FAMILIES)}.")
    for family in (4, 6):
        _gateway(entry, family, kind, bad)
    return entry


def _gateway(entry: dict[str, Any], family: int, kind: str, bad: Any) -> None:
    field, dhcp_field = f"ipv{family}Gateway", f"ipv{family}DhcpEnabled"
    value, served = entry.get(field), entry.get(dhcp_field)
    if served is not None and not isinstance(served, bool):
        raise bad(f"{dhcp_field} must be true or false.")
    if value is None:
        if served:
            raise bad(f"{dhcp_field} needs {field}.")
        return
    if kind != "l2vpn":
        raise bad(f"{field} is for l2vpn only.")
    if value in ASK_WORDS:
        return
    try:
        if isinstance(value, str):
            version: int = addresses.gateway(value, field).version
        elif isinstance(value, dict):
            version = _automatic(value, field)
        else:
            raise invalid(field, f"{field} must be an address with its prefix length, specify, or an object.")
    except ApiError as error:
        raise bad(error.message) from error
    if version != family:
        raise bad(f"{field} is not an IPv{family} address.")


def _automatic(value: dict[str, Any], field: str) -> int:
    if value.get("assignType") != "auto":
        raise invalid(field, f"{field}: assignType must be auto.")
    supernet = addresses.network(value.get("allocation"), f"{field}.allocation")
    length = to_int(value.get("childSubnetPrefixLength"), f"{field}.childSubnetPrefixLength")
    child = addresses.cut_child(supernet, length, [])
    addresses.nth_host(child, to_int(value.get("hostnum"), f"{field}.hostnum"))
    return supernet.version


def render(template: Record) -> dict[str, Any]:
    return {**template, "vnets": [{"id": number, **entry} for number, entry in template["vnets"]]}


def listing(call: Call) -> Reply:
    return Reply([render(template) for template in call.store.all("template")])


def one(call: Call) -> Reply:
    return Reply(render(call.record("template")))


def post(call: Call) -> Reply:
    template = build(call.store, call.controller.knobs, call.body)
    call.store.put("template", template)
    return created(template["id"])


def put(call: Call) -> Reply:
    template = build(call.store, call.controller.knobs, call.body, call.record("template"))
    call.store.put("template", template)
    return updated(template["id"])


def delete(call: Call) -> Reply:
    template = call.record("template")
    for cluster in call.store.all("cluster"):
        if cluster["template"] == template["id"]:
            raise ApiError(f"Template {template['name']} is in use by server cluster {cluster['name']}.")
    call.store.delete("template", template["id"])
    return deleted()


ROUTES = crud("/api/v2/server-cluster-template", listing, one, post, put, delete)

"""Ports of every device, the server's NICs among them."""

from __future__ import annotations

from typing import Any

from ..call import Call, Reply, Route, deleted, updated
from ..core import Controller, stamped
from ..errors import ApiError, invalid
from ..store import Record, Store
from ..topology import Topology
from ..values import choice, flag, integer, items, mapping, needed, ref, text, to_int
from . import sites

SPEEDS = ("auto", "1000", "10000", "25000", "40000", "50000", "100000", "200000", "400000", "800000")


def add(store: Store, device: Record, name: str, **changes: Any) -> Record:
    """A port as it is before anybody has set anything."""
    port = stamped(
        {
            "id": store.next_id("port"),
            "hw": device["id"],
            "port": name,
            "description": f"{name}@{device['name']}",
            "tenant": device["tenant"],
            "mtu": 9000,
            "autoNeg": "none",
            "speed": "auto",
            "duplex": "full",
            "adminDown": False,
            "breakout": "off",
            "fec": "auto",
            "linkTraining": False,
            "extension": 0,
            # port-channel: its members here, and the channel's id in each member's `lag`
            "members": [],
            "lag": 0,
            "lacp": "off",
            "mclagId": 0,
            **changes,
        }
    )
    store.put("port", port)
    return port


def holders(store: Store, port_ids: set[int]) -> list[str]:
    """V-Nets that list one of these ports."""
    return [vnet["name"] for vnet in store.all("vnet") if any(entry["id"] in port_ids for entry in vnet["ports"])]


def remove(store: Store, topology: Topology, port: Record) -> None:
    """Deletes a port that nothing uses; the members of a port-channel are set free."""
    used_by = holders(store, {port["id"]})
    if used_by:
        raise ApiError(f"Port {topology.label(port)} is in use by V-Net {used_by[0]}.")
    if topology.peer(port["id"]):
        raise ApiError(f"Port {topology.label(port)} is linked.")
    if port["lag"]:
        raise ApiError(f"Port {topology.label(port)} is a member of a port-channel.")
    for identifier in port["members"]:
        member = store.get("port", identifier)
        if member is not None:
            store.put("port", stamped({**member, "lag": 0}, member))
    store.delete("port", port["id"])


def extension(store: Store, value: Any) -> int:
    """The id of the extension that a write names, made if it is new; 0 for none."""
    if not isinstance(value, dict) or not (value.get("id") or value.get("name")):
        return to_int(value, "extension") if isinstance(value, int) else 0
    for known in store.all("extension"):
        if known["id"] == value.get("id") or known["name"] == value.get("name"):
            return int(known["id"])
    low, high = integer(value, "vlanFrom"), integer(value, "vlanTo")
    if not 2 <= low <= high <= 4094:
        raise invalid("extension", "An extension needs vlanFrom and vlanTo within 2-4094.")
    identifier = store.next_id("extension")
    name = text(value, "name", required=True)
    store.put("extension", {"id": identifier, "name": name, "vlanFrom": low, "vlanTo": high})
    return identifier


def change(store: Store, body: dict[str, Any], port: Record) -> None:
    """A port PUT: everything that it does not carry falls back to its default."""
    for field in ("mtu", "autoNeg", "speed", "duplex"):
        text(body, field, required=True)
    tenant = needed(store, "tenant", body, "tenant")
    mtu = integer(body, "mtu")
    if not 68 <= mtu <= 9216:
        raise invalid("mtu", "mtu must be between 68 and 9216.")
    store.put(
        "port",
        stamped(
            {
                **port,
                "tenant": tenant["id"],
                "mtu": mtu,
                "autoNeg": choice(body, "autoNeg", ("on", "off", "none"), "none"),
                "speed": choice({"speed": text(body, "speed")}, "speed", SPEEDS, "auto"),
                "duplex": choice(body, "duplex", ("full", "half", "none"), "full"),
                "adminDown": flag(body, "adminDown"),
                "breakout": text(body, "breakout", "off"),
                "fec": text(body, "fec", "auto"),
                "linkTraining": flag(body, "linkTraining"),
                "description": text(body, "description"),
                "extension": extension(store, body.get("extension")),
            },
            port,
        ),
    )


# --- reading ---------------------------------------------------------------------------------------------------------


def render(controller: Controller, topology: Topology, port: Record) -> dict[str, Any]:
    store = controller.store
    device = topology.device(port)
    peer = topology.peer(port["id"])
    state = status(controller, topology, port)
    site = store.peek("site", device["site"])
    report = controller.agents.ports(device["id"]).get(port["port"], {})
    members = [member for identifier in port["members"] if (member := store.peek("port", identifier))]
    return {
        **_brief(topology, port),
        "site": sites.render(site) if site else None,
        "tenant": ref(store, "tenant", port["tenant"]),
        "description": port["description"],
        "status": {"label": state.capitalize(), "value": state},
        "speed": str(report.get("speed") or ""),
        "desiredSpeed": port["speed"],
        "mtu": port["mtu"],
        "autoNeg": port["autoNeg"],
        "duplex": port["duplex"],
        "adminDown": "yes" if port["adminDown"] else "no",
        "breakout": port["breakout"],
        "fec": port["fec"],
        "linkTraining": port["linkTraining"],
        "extension": port["extension"],
        "lacp": port["lacp"],
        "mclagId": port["mclagId"],
        "parentPort": port["lag"],  # an id: official clients cannot decode an object here
        "slavePorts": [_brief(topology, member) for member in members],
        "stateInHierarchy": {
            "aggregated": bool(members),
            "lagMember": bool(port["lag"]),
            "breakout": False,
            "breakoutChild": 0,
            "extended": int(bool(port["extension"])),
            "extensionsParent": 0,
        },
        "lldp": report.get("lldp"),
        "connectedTo": {**_brief(topology, peer), "displayName": topology.label(peer)} if peer else None,
        "createdDate": port["createdDate"],
        "modifiedDate": port["modifiedDate"],
    }


def _names(port: Record) -> dict[str, str]:
    return {"port": port["port"], "_port": port["port"], "shortName": port["port"], "ifName": port["port"]}


def _device(device: Record) -> dict[str, Any]:
    return {key: device[key] for key in ("id", "name", "type", "mainAddress")}


def _brief(topology: Topology, port: Record) -> dict[str, Any]:
    device = topology.device(port)
    return {
        "id": port["id"],
        "name": topology.label(port),
        **_names(port),
        "info": _names(port),
        "switch": _device(device),
        "switchName": device["name"],
    }


def status(controller: Controller, topology: Topology, port: Record) -> str:
    """`up` or `down`: as the agent at either end of the cable reports, else as configured."""
    if port["adminDown"]:
        return "down"
    for end in (port, topology.peer(port["id"])):
        if end is None:
            continue
        reported = controller.agents.ports(end["hw"])
        if end["members"]:
            names = [member["port"] for i in end["members"] if (member := controller.store.peek("port", i))]
            if any(name in reported for name in names):
                return "up" if any(reported.get(name, {}).get("oper") == "up" for name in names) else "down"
        elif end["port"] in reported:
            return "up" if reported[end["port"]]["oper"] == "up" else "down"
    return "up" if port["members"] or topology.peer(port["id"]) else "down"


def used_ports(store: Store, topology: Topology) -> set[int]:
    """Ports that a V-Net uses, by themselves or through cable and port-channel."""
    used: set[int] = set()
    for vnet in store.all("vnet"):
        for entry in vnet["ports"]:
            interface = topology.interface(entry["id"])
            used.add(entry["id"])
            if interface is not None:
                used |= {interface["id"], *interface["members"]}
    return used


def listing(call: Call) -> Reply:
    topology = Topology(call.store)
    used = used_ports(call.store, topology)
    found = [port for port in call.store.all("port") if _wanted(call, topology, port, used)]
    total = len(found)
    limit = call.number("limit")
    if limit > 0:
        first = (max(call.number("page", 1), 1) - 1) * limit
        found = found[first : first + limit]
    rendered = [
        {**render(call.controller, topology, port), "inUse": port["id"] in used, "used": port["id"] in used}
        for port in found
    ]
    return Reply({"data": rendered} if call.controller.knobs.ports_nested else rendered, meta={"totalDocs": total})


def _wanted(call: Call, topology: Topology, port: Record, used: set[int]) -> bool:
    query = call.query
    device = topology.device(port)
    site_ids = call.sites()
    if query.get("filterSite"):
        site_ids = (site_ids or set()) | {to_int(query["filterSite"], "filterSite")}
    in_use = query.get("filterInUse", "all")
    checks = (
        not query.get("switchID") or query["switchID"] == str(device["id"]),
        not query.get("portName") or query["portName"] in (port["port"], topology.label(port)),
        query.get("filterPort", "") in port["port"],
        query.get("filterSwitchName", "") in device["name"],
        not query.get("filterTenant") or query["filterTenant"] == str(port["tenant"]),
        site_ids is None or device["site"] in site_ids,
        in_use not in ("free", "none") or port["id"] not in used,
        in_use != "used" or port["id"] in used,
        not query.get("filterStatus") or query["filterStatus"] == status(call.controller, topology, port),
    )
    return all(checks)


def one(call: Call) -> Reply:
    return Reply(render(call.controller, Topology(call.store), call.record("port")))


def put(call: Call) -> Reply:
    port = call.record("port")
    change(call.store, call.body, port)
    return updated(port["id"])


def put_many(call: Call) -> Reply:
    for item in items(call.body, "ports"):
        body = mapping(item, "ports")
        change(call.store, body, Topology(call.store).find(body, "ports"))
    return Reply(None, "Successfully updated.")


def delete(call: Call) -> Reply:
    _delete(call.store, call.record("port"))
    return deleted()


def delete_many(call: Call) -> Reply:
    for port in _listed_ports(call):
        _delete(call.store, port)
    return deleted()


def _delete(store: Store, port: Record) -> None:
    """Only port-channels can be deleted; a device's own ports go with it."""
    topology = Topology(store)
    if not port["members"]:
        raise ApiError(f"Port {topology.label(port)} cannot be deleted.")
    remove(store, topology, port)


def free_up(call: Call) -> Reply:
    """Takes ports out of all V-Nets."""
    freed = {port["id"] for port in _listed_ports(call)}
    for vnet in call.store.all("vnet"):
        kept = [entry for entry in vnet["ports"] if entry["id"] not in freed]
        if len(kept) != len(vnet["ports"]):
            call.store.put("vnet", stamped({**vnet, "ports": kept}, vnet))
    return Reply(None, "Successfully updated.")


def _listed_ports(call: Call) -> list[Record]:
    if not isinstance(call.raw, list):
        raise invalid("body", "A list of ports is required.")
    topology = Topology(call.store)
    return [topology.find(item, "body") for item in call.raw]


def aggregated(call: Call) -> Reply:
    store = call.store
    return Reply(
        [
            {
                "id": port["id"],
                "name": Topology(store).label(port),
                "tenant": ref(store, "tenant", port["tenant"]),
                "lacp": port["lacp"],
                "lagMembers": [
                    {"id": member["id"], "port": member["port"]}
                    for identifier in port["members"]
                    if (member := store.peek("port", identifier))
                ],
            }
            for port in store.all("port")
            if port["members"]
        ]
    )


def slim(call: Call) -> Reply:
    topology = Topology(call.store)
    used = used_ports(call.store, topology)
    return Reply(
        [
            {"id": port["id"], "name": topology.label(port), "inUse": port["id"] in used}
            for port in call.store.all("port")
        ]
    )


def extensions(call: Call) -> Reply:
    return Reply(call.store.all("extension"))


def delete_extension(call: Call) -> Reply:
    identifier = call.record("extension")["id"]
    for port in call.store.all("port"):
        if port["extension"] == identifier:
            raise ApiError(f"The extension is in use by port {Topology(call.store).label(port)}.")
    call.store.delete("extension", identifier)
    return deleted()


ROUTES = [
    Route("GET", "/api/v2/ports", listing),
    Route("PUT", "/api/v2/ports", put_many),
    Route("DELETE", "/api/v2/ports", delete_many),
    Route("GET", "/api/v2/ports/{id}", one),
    Route("PUT", "/api/v2/ports/{id}", put),
    Route("DELETE", "/api/v2/ports/{id}", delete),
    Route("GET", "/api/v2/ports/slim", slim),
    Route("PUT", "/api/v2/ports/freeup", free_up),
    Route("GET", "/api/v2/ports/aggregatedports", aggregated),
    Route("GET", "/api/v2/ports/extensions", extensions),
    Route("DELETE", "/api/v2/ports/extensions/{id}", delete_extension),
]

"""Reading request bodies: typed values, with a refusal that names the property."""

from __future__ import annotations

from typing import Any

from .errors import ApiError, invalid
from .store import Record, Store

LABELS = {
    "site": "Site",
    "tenant": "Tenant",
    "vpc": "VPC",
    "vnet": "V-Net",
    "hw": "Device",
    "port": "Port",
    "template": "Server cluster template",
    "cluster": "Server cluster",
    "dhcp": "DHCP option set",
    "ipam": "IPAM prefix",
    "link": "Link",
    "nat": "NAT rule",
    "peering": "VPC peering",
}


def mapping(value: Any, field: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise invalid(field, f"{field} must be an object.")
    return value


def text(body: dict[str, Any], field: str, default: str = "", *, required: bool = False) -> str:
    value = body.get(field)
    if value is None or value == "":
        if required:
            raise invalid(field, f"{field} is required.")
        return default
    if not isinstance(value, (str, int, float)) or isinstance(value, bool):
        raise invalid(field, f"{field} must be a string.")
    return str(value)


def integer(body: dict[str, Any], field: str, default: int = 0) -> int:
    value = body.get(field)
    if value is None or value == "":
        return default
    return to_int(value, field)


def to_int(value: Any, field: str) -> int:
    """JSON numbers and numbers in text are both sent by clients."""
    if isinstance(value, bool):
        return int(value)
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise invalid(field, f"{field} must be a number.") from error


def flag(body: dict[str, Any], field: str, default: bool = False) -> bool:
    value = body.get(field)
    if value is None or value == "":
        return default
    if isinstance(value, (bool, int)):
        return bool(value)
    if value in ("yes", "true", "on", "enabled"):
        return True
    if value in ("no", "false", "off", "disabled"):
        return False
    raise invalid(field, f"{field} must be true or false.")


def items(body: dict[str, Any], field: str) -> list[Any]:
    value = body.get(field)
    if value is None:
        return []
    if not isinstance(value, list):
        raise invalid(field, f"{field} must be a list.")
    return value


def strings(body: dict[str, Any], field: str) -> list[str]:
    found = items(body, field)
    if not all(isinstance(item, str) for item in found):
        raise invalid(field, f"{field} must be a list of strings.")
    return list(found)


def choice(body: dict[str, Any], field: str, allowed: tuple[str, ...], default: str) -> str:
    value = body.get(field)
    if isinstance(value, dict):  # read as {label, value}, so it comes back like that from a read-modify-write
        value = value.get("value")
    if value is None or value == "":
        return default
    if value not in allowed:
        raise invalid(field, f"{field} must be one of: {', '.join(allowed)}.")
    return str(value)


def reference(store: Store, kind: str, value: Any, field: str) -> Record | None:
    """The record meant by `{id}`, `{name}` or a bare id; None when nothing is given; a refusal when unknown."""
    if value is None or value == "" or value == {}:
        return None
    identifier, name = 0, ""
    if isinstance(value, dict):
        identifier, name = to_int(value.get("id") or 0, field), str(value.get("name") or "")
    else:
        identifier = to_int(value, field)
    if identifier:
        record = store.peek(kind, identifier)
        if record is None:
            raise invalid(field, f"{LABELS[kind]} with id {identifier} does not exist.")
        return record
    if name:
        for record in store.all(kind):
            if record["name"] == name:
                return record
        raise invalid(field, f"{LABELS[kind]} {name} does not exist.")
    return None


def needed(store: Store, kind: str, body: dict[str, Any], field: str) -> Record:
    record = reference(store, kind, body.get(field), field)
    if record is None:
        raise invalid(field, f"{field} is required.")
    return record


def unique_name(store: Store, kind: str, name: str, own_id: int, **same: Any) -> None:
    """Refuses a name that another record (with the same values in `same`) has."""
    for record in store.all(kind):
        if record["name"] == name and record["id"] != own_id and all(record[k] == v for k, v in same.items()):
            raise invalid("name", f"{LABELS.get(kind, kind)} with the name {name} already exists.")


def unchanged(store: Store, kind: str, body: dict[str, Any], field: str, current: int) -> None:
    """An immutable reference may be left out or repeated, never changed."""
    record = reference(store, kind, body.get(field), field)
    if record is not None and record["id"] != current:
        raise ApiError(f"{field} cannot be changed.", 400, {field: f"{field} cannot be changed."})


def ref(store: Store, kind: str, identifier: int) -> dict[str, Any]:
    """`{id, name}` of a record as answers carry it."""
    record = store.peek(kind, identifier)
    return {"id": identifier, "name": record["name"] if record else ""}

"""Access to a tenant cluster for one person: a certificate of their own that ends, and a role.

The private key is made here and goes into the person's kubeconfig and nowhere else; the API gets a signing request.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import kubeconfigs, yaml_text
from .client import Cluster, Document
from .documents.common import MANAGED_BY
from .errors import KubeError, WaitTimeout

SIGNER = "kubernetes.io/kube-apiserver-client"
PERSON_LABEL = "baremetal.fabric/person"
#: The shortest time that the API accepts for a certificate.
MINIMUM_SECONDS = 600
_REQUESTS = "certificates.k8s.io/v1"
_ROLES = "rbac.authorization.k8s.io/v1"


@dataclass(frozen=True)
class Person:
    """Who, and what they may do: a ClusterRole everywhere, or in some namespaces only."""

    name: str
    cluster_role: str
    namespaces: tuple[str, ...] = ()

    @property
    def user(self) -> str:
        """How the cluster knows them. The prefix keeps a name from being that of a component, such as system:…"""
        return f"fabric:{self.name}"

    @property
    def binding(self) -> str:
        return f"fabric-person-{self.name}"


def new_key_and_request(person: Person) -> tuple[str, str]:
    """A private key and the request for a certificate of it, both PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, person.user)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    encoding = serialization.Encoding.PEM
    text = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return text.decode("ascii"), request.public_bytes(encoding).decode("ascii")


def expiry(certificate: str) -> datetime.datetime:
    from cryptography import x509

    loaded = x509.load_pem_x509_certificate(certificate.encode("ascii"))
    return loaded.not_valid_after_utc


def sign(
    cluster: Cluster,
    person: Person,
    request: str,
    seconds: int,
    timeout: float = 60.0,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> str:
    """The certificate. The request is approved here, by the administrator, and removed whatever happens."""
    name = f"fabric-{person.name}-{hashlib.sha256(request.encode()).hexdigest()[:10]}"
    document = {
        "apiVersion": _REQUESTS,
        "kind": "CertificateSigningRequest",
        "metadata": {"name": name, "labels": _labels(person)},
        "spec": {
            "request": base64.b64encode(request.encode()).decode(),
            "signerName": SIGNER,
            "expirationSeconds": seconds,
            "usages": ["client auth"],
        },
    }
    made = cluster.create(document)
    try:
        approval = {
            "type": "Approved",
            "status": "True",
            "reason": "Fabric",
            "message": f"kubeconfig of {person.name}, made by {MANAGED_BY}",
        }
        made["status"] = {**(made.get("status") or {}), "conditions": [approval]}
        cluster.request("put", f"/apis/{_REQUESTS}/certificatesigningrequests/{name}/approval", body=made)
        return _await(cluster, name, clock() + timeout, sleep, clock)
    finally:
        cluster.delete(_REQUESTS, "CertificateSigningRequest", name, propagation="Background")


def _await(
    cluster: Cluster, name: str, deadline: float, sleep: Callable[[float], None], clock: Callable[[], float]
) -> str:
    while True:
        found = cluster.get(_REQUESTS, "CertificateSigningRequest", name)
        status = (found or {}).get("status") or {}
        if status.get("certificate"):
            return base64.b64decode(status["certificate"]).decode("ascii")
        failed = [each for each in status.get("conditions") or [] if each["type"] in ("Failed", "Denied")]
        if failed:
            raise KubeError(f"the tenant cluster did not sign the certificate: {failed[0].get('message', '')}")
        if clock() >= deadline:
            raise WaitTimeout(
                f"the tenant cluster has not signed {name}; its controller manager signs requests of {SIGNER}, does it"
                " run?"
            )
        sleep(0.5)


def bindings(person: Person) -> list[Document]:
    """What gives them their role."""
    subject = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": person.user}
    role = {"kind": "ClusterRole", "apiGroup": "rbac.authorization.k8s.io", "name": person.cluster_role}
    metadata: Document = {"name": person.binding, "labels": _labels(person)}
    if not person.namespaces:
        kind = {"apiVersion": _ROLES, "kind": "ClusterRoleBinding"}
        return [{**kind, "metadata": metadata, "subjects": [subject], "roleRef": role}]
    kind = {"apiVersion": _ROLES, "kind": "RoleBinding"}
    return [
        {**kind, "metadata": {**metadata, "namespace": each}, "subjects": [subject], "roleRef": role}
        for each in person.namespaces
    ]


def bind(cluster: Cluster, person: Person, wanted: list[Document], *, dry_run: bool) -> list[str]:
    """Makes the person's bindings these and no others; says in words what that changed.

    A binding's role cannot be changed, so one with another role is replaced.
    """
    changed = []
    present = _bindings_of(cluster, person)
    for key, document in present.items():
        if key not in {_key(each) for each in wanted}:
            changed.append(f"{_spoken(document)} removed")
            _delete(cluster, document, dry_run)
    for document in wanted:
        found = present.get(_key(document))
        if (
            found
            and found["roleRef"]["name"] == document["roleRef"]["name"]
            and found.get("subjects") == document["subjects"]
        ):
            continue
        changed.append(f"{_spoken(document)} to {document['roleRef']['name']}")
        if found:
            _delete(cluster, found, dry_run)
        if not dry_run:
            cluster.create(document)
    return changed


def _bindings_of(cluster: Cluster, person: Person) -> dict[tuple[str, str], Document]:
    selector = ",".join(f"{key}={value}" for key, value in sorted(_labels(person).items()))
    found = [
        document
        for kind in ("ClusterRoleBinding", "RoleBinding")
        for document in cluster.list(_ROLES, kind, labels=selector)
    ]
    return {_key(document): document for document in found}


def _key(document: Document) -> tuple[str, str]:
    return str(document["kind"]), str(document["metadata"].get("namespace") or "")


def _spoken(document: Document) -> str:
    namespace = document["metadata"].get("namespace")
    return f"{document['kind']} {namespace + '/' if namespace else ''}{document['metadata']['name']}"


def _delete(cluster: Cluster, document: Document, dry_run: bool) -> None:
    metadata = document["metadata"]
    cluster.delete(
        _ROLES, document["kind"], metadata["name"], metadata.get("namespace"), propagation="Background", dry_run=dry_run
    )


def _labels(person: Person) -> dict[str, str]:
    return {"app.kubernetes.io/managed-by": MANAGED_BY, PERSON_LABEL: person.name}


@dataclass(frozen=True)
class Endpoint:
    """Where a person reaches the API, and the name in its certificate where that is another."""

    server: str
    ca: str
    server_name: str = ""


def context_of(person: Person, tenant: str) -> str:
    """The one context in a person's kubeconfig, by which it is known as ours."""
    return f"{person.name}@{tenant}"


def kubeconfig(person: Person, tenant: str, endpoint: Endpoint, certificate: str, key: str) -> str:
    def encoded(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    cluster = {"server": endpoint.server, "certificate-authority-data": encoded(endpoint.ca)}
    if endpoint.server_name:
        cluster["tls-server-name"] = endpoint.server_name
    document: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": tenant, "cluster": cluster}],
        "users": [
            {
                "name": person.name,
                "user": {"client-certificate-data": encoded(certificate), "client-key-data": encoded(key)},
            }
        ],
        "contexts": [{"name": context_of(person, tenant), "context": {"cluster": tenant, "user": person.name}}],
        "current-context": context_of(person, tenant),
    }
    return yaml_text.dump(document)


def files_of(directory: Path, tenant: str, ca: str) -> list[Path]:
    """The kubeconfigs in a directory that somebody was given for this tenant cluster, and nothing else's.

    They are known by their only context and by the authority in it: another site may have a tenant cluster of this name
    and its people's files in the same place. What cannot be read, or is no kubeconfig, is none of them.
    """
    found = []
    for path in sorted(directory.glob("*.kubeconfig")) if directory.is_dir() else ():
        try:
            held = kubeconfigs.read(path)
        except KubeError:
            continue
        if held is None or held.user is None or held.authority is None:
            continue
        if held.contexts == [f"{held.user}@{tenant}"] and held.authority.strip() == ca.strip():
            found.append(path)
    return found


def certificate_end(text: str) -> datetime.datetime:
    """When the certificate in a kubeconfig of ours ends."""
    user = yaml_text.load(text)["users"][0]["user"]
    return expiry(base64.b64decode(user["client-certificate-data"]).decode("ascii"))


def stale_because(
    text: str, person: Person, endpoint: Endpoint, now: datetime.datetime, renew_before: int | None
) -> str:
    """Why the person's kubeconfig has to be made anew; empty if it can stay.

    `renew_before` is in seconds, by default a third of the life that the certificate was given: the tenant cluster may
    make it shorter than what was asked for, and a third of the latter would never be left.
    """
    from cryptography import x509

    try:
        document = yaml_text.load(text)
        cluster = document["clusters"][0]["cluster"]
        certificate = base64.b64decode(document["users"][0]["user"]["client-certificate-data"]).decode("ascii")
        loaded = x509.load_pem_x509_certificate(certificate.encode("ascii"))
        of_whom = loaded.subject.rfc4514_string()
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode("ascii")
        begins, ends = loaded.not_valid_before_utc, loaded.not_valid_after_utc
    except (ValueError, LookupError, TypeError):
        return "it cannot be read"
    if of_whom != f"CN={person.user}":
        return f"it is {of_whom}'s"
    if authority.strip() != endpoint.ca.strip():
        return "the tenant cluster has another certificate authority"
    if (cluster.get("server"), cluster.get("tls-server-name") or "") != (endpoint.server, endpoint.server_name):
        return f"the tenant cluster is at {endpoint.server}"
    before = (ends - begins) / 3 if renew_before is None else datetime.timedelta(seconds=renew_before)
    if ends <= now + before:
        return f"its certificate ends {ends:%Y-%m-%d %H:%M} UTC"
    return ""

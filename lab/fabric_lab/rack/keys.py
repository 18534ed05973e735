"""Secrets of a lab: ssh keys, the lab's certificate authority, passwords. Made once per lab, readable by root only."""

from __future__ import annotations

import datetime
import ipaddress
import secrets
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fabric_lab.rack import topology
from fabric_lab.rack.topology import Rack
from fabric_lab.run import run
from fabric_lab.state import Lab, write_private

_LIFETIME = datetime.timedelta(days=825)


def ensure_ssh(rack: Rack) -> None:
    """The operator's key, a host key per machine, and the list of known hosts that follows from them."""
    lab = rack.lab
    _ssh_key(lab.ssh_key, f"operator@{lab.name}")
    known = []
    for machine in rack.machines:
        key = host_key(lab, machine.name)
        _ssh_key(key, machine.name)
        public = " ".join(key.with_suffix(".pub").read_text().split()[:2])
        known.append(f"{rack.address(machine)} {public}")
    write_private(lab.known_hosts, "\n".join(known) + "\n")


def host_key(lab: Lab, machine: str) -> Path:
    return lab.directory / "host_keys" / machine


def _ssh_key(path: Path, comment: str) -> None:
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)])


def secret(lab: Lab, name: str) -> str:
    """A secret of the lab, made at first use."""
    path = lab.directory / "secrets" / name
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, secrets.token_urlsafe(24))
    return path.read_text()


def ensure_tls(lab: Lab) -> tuple[Path, Path]:
    """Certificate and key of the controller, signed by the lab's own authority."""
    certificate, key = lab.directory / "controller.pem", lab.directory / "controller.key"
    if not (certificate.exists() and key.exists() and lab.ca_file.exists()):
        authority_key = ec.generate_private_key(ec.SECP256R1())
        authority = _sign(f"CA of lab {lab.name}", authority_key, None, authority_key, [])
        own_key = ec.generate_private_key(ec.SECP256R1())
        names: list[x509.GeneralName] = [
            x509.IPAddress(ipaddress.ip_address(topology.operator_address(lab))),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
            x509.DNSName("localhost"),
        ]
        own = _sign("controller", own_key, authority, authority_key, names)
        pem = serialization.Encoding.PEM
        write_private(lab.directory / "ca.key", _private_pem(authority_key))
        write_private(key, _private_pem(own_key))
        write_private(certificate, own.public_bytes(pem).decode())
        write_private(lab.ca_file, authority.public_bytes(pem).decode())
    return certificate, key


def _private_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _sign(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate | None,
    issuer_key: ec.EllipticCurvePrivateKey,
    names: list[x509.GeneralName],
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    is_authority = issuer is None
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=0 if is_authority else None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not is_authority,
                key_cert_sign=is_authority,
                crl_sign=is_authority,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())

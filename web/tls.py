"""The station's own certificate authority and the certificate of its page, for HTTPS in the office's own network."""

import ipaddress
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from broadcaster.clips import write_aside
from broadcaster.clock import Clock

FOLDER: Final = "tls"
"""Below the station's home."""
CA_CERTIFICATE: Final = "ca.pem"
_CA_KEY: Final = "ca.key"
_CERTIFICATE: Final = "server.pem"
_KEY: Final = "server.key"
_CA_LIFE: Final = timedelta(days=3650)
_LEAF_LIFE: Final = timedelta(days=365)
"""Browsers refuse certificates of more than 398 days."""
_RENEW_BEFORE: Final = timedelta(days=30)
_CLOCK_SLACK: Final = timedelta(days=1)
"""A phone whose clock is behind still believes a certificate made today."""


def ensure_certificate(
    folder: Path, names: Sequence[str], clock: Clock, *, authority: Path | None = None
) -> tuple[Path, Path, Path]:
    """Make what is missing, about to expire or of other names; keep what still holds.

    Args:
        folder: where the files lie; private keys are readable by their owner only.
        names: host names and IP addresses of the page.
        clock: tells what "about to expire" means.
        authority: folder of the authority, whose key stays there; the same folder by default.

    Returns:
        Paths of the certificate (with its chain), its key, and the authority's certificate, all PEM.
    """
    home = authority or folder
    for each in (folder, home):
        each.mkdir(parents=True, exist_ok=True)
    now = clock.now()
    paths = folder / _CERTIFICATE, folder / _KEY, home / CA_CERTIFICATE
    if not _holds(paths[2], now) or not (home / _CA_KEY).exists():
        _make_authority(home, now)
    if not _serves(paths[0], paths[2], names, now) or not paths[1].exists():
        _make_leaf(folder, home, names, now)
    return paths


def fingerprint(pem: bytes) -> str:
    """The SHA-256 fingerprint of a certificate, as phones show it."""
    return x509.load_pem_x509_certificate(pem).fingerprint(hashes.SHA256()).hex(":").upper()


def _load(path: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return None


def _holds(path: Path, now: datetime) -> bool:
    certificate = _load(path)
    return certificate is not None and now + _RENEW_BEFORE < certificate.not_valid_after_utc


def _serves(path: Path, authority: Path, names: Sequence[str], now: datetime) -> bool:
    certificate, issuer = _load(path), _load(authority)
    if certificate is None or issuer is None or not _holds(path, now):
        return False
    held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    try:
        certificate.verify_directly_issued_by(issuer)
    except Exception:  # noqa: BLE001  cryptography raises several; each means "make a new one"
        return False
    return list(held) == _general_names(names)


def _general_names(names: Sequence[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = []
    for name in dict.fromkeys(names):
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            found.append(x509.DNSName(name))
    return found


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Loa Phuong"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_aside(path, pem)  # made 0600 by the temporary file
    path.chmod(0o600)


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _begun(subject: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(os.urandom(16)) >> 1)
        .not_valid_before(now - _CLOCK_SLACK)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _make_authority(folder: Path, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    common = f"Loa Phuong CA {now:%Y-%m-%d}"
    certificate = (
        _begun(common, _name(common), key, now)
        .not_valid_after(now + _CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write_key(folder / _CA_KEY, key)
    write_aside(folder / CA_CERTIFICATE, certificate.public_bytes(serialization.Encoding.PEM))


def _make_leaf(folder: Path, home: Path, names: Sequence[str], now: datetime) -> None:
    authority = x509.load_pem_x509_certificate((home / CA_CERTIFICATE).read_bytes())
    signer = serialization.load_pem_private_key((home / _CA_KEY).read_bytes(), None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{_CA_KEY} is not an elliptic-curve key")
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _begun("Loa Phuong", authority.subject, key, now)
        .not_valid_after(now + _LEAF_LIFE)
        .add_extension(x509.SubjectAlternativeName(_general_names(names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
    chain = certificate.public_bytes(serialization.Encoding.PEM) + authority.public_bytes(serialization.Encoding.PEM)
    _write_key(folder / _KEY, key)
    write_aside(folder / _CERTIFICATE, chain)

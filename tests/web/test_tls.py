import ipaddress
import ssl
from datetime import timedelta
from pathlib import Path

from cryptography import x509

from tests.clocks import FixedClock
from tests.web.conftest import Browser
from tests.web.station import Stage
from web import tls

NAMES = ["localhost", "127.0.0.1", "192.168.1.20"]


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_the_certificate_names_the_page_and_is_signed_by_the_stations_own_authority(tmp_path: Path) -> None:
    certificate, key, authority = tls.ensure_certificate(tmp_path, NAMES, FixedClock())
    leaf = load(certificate)
    leaf.verify_directly_issued_by(load(authority))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert ipaddress.ip_address("192.168.1.20") in names.get_values_for_type(x509.IPAddress)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)


def test_the_authority_holds_ten_years_and_the_certificate_one(tmp_path: Path) -> None:
    clock = FixedClock()
    certificate, _, authority = tls.ensure_certificate(tmp_path, NAMES, clock)
    assert load(authority).not_valid_after_utc - clock.now() == timedelta(days=3650)
    assert load(certificate).not_valid_after_utc - clock.now() == timedelta(days=365)


def test_private_keys_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    tls.ensure_certificate(tmp_path, NAMES, FixedClock())
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("*.key")} == {0o600}


def test_what_still_holds_is_kept(tmp_path: Path) -> None:
    clock = FixedClock()
    before = [path.read_bytes() for path in tls.ensure_certificate(tmp_path, NAMES, clock)]
    clock.advance(timedelta(days=300))
    assert [path.read_bytes() for path in tls.ensure_certificate(tmp_path, NAMES, clock)] == before


def test_a_new_address_or_a_near_end_makes_a_new_certificate_under_the_same_authority(tmp_path: Path) -> None:
    clock = FixedClock()
    certificate, _, authority = tls.ensure_certificate(tmp_path, NAMES, clock)
    root, first = authority.read_bytes(), certificate.read_bytes()
    tls.ensure_certificate(tmp_path, [*NAMES, "192.168.1.21"], clock)
    second = certificate.read_bytes()
    clock.advance(timedelta(days=340))
    tls.ensure_certificate(tmp_path, [*NAMES, "192.168.1.21"], clock)
    assert len({first, second, certificate.read_bytes()}) == 3
    assert authority.read_bytes() == root


def test_a_damaged_or_foreign_certificate_is_made_again(tmp_path: Path) -> None:
    clock = FixedClock()
    certificate, _, authority = tls.ensure_certificate(tmp_path, NAMES, clock)
    certificate.write_text("broken")
    tls.ensure_certificate(tmp_path, NAMES, clock)
    authority.unlink()
    tls.ensure_certificate(tmp_path, NAMES, clock)
    load(certificate).verify_directly_issued_by(load(authority))


def test_the_page_for_phones_shows_address_steps_and_fingerprint_to_everyone(stage: Stage, stranger: Browser) -> None:
    plain = stranger.get("/phone").text
    assert "<svg" in plain
    assert "loa serve --lan" in plain
    assert stranger.get("/phone/loa-ca.crt").status_code == 404
    folder = stage.services.settings.home_path / tls.FOLDER
    _, _, authority = tls.ensure_certificate(folder, NAMES, stage.clock)
    assert tls.fingerprint(authority.read_bytes()) in stranger.get("/phone").text
    with stranger.get("/phone/loa-ca.crt") as download:
        assert download.data == authority.read_bytes()
        assert download.mimetype == "application/x-x509-ca-cert"

"""What a new box is given: the file for a USB stick and the label. Secrets: written for their owner alone."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from broadcaster.broker import EmbeddedBroker
from broadcaster.clips import write_aside
from broadcaster.rows import Speaker, Station
from broadcaster.settings import Settings
from web import brokers, labels, qr
from web.say import Say


@dataclass(frozen=True)
class Wifi:
    """A wireless network the box joins."""

    ssid: str
    password: str

    @classmethod
    def parse(cls, text: str) -> "Wifi | None":
        """``SSID:PASS``; the first colon divides. None for nothing or what no network can be."""
        ssid, _, password = text.partition(":")
        return cls(ssid, password) if ssid.strip() else None


@dataclass(frozen=True)
class KitMaker:
    """Makes the kits of one station.

    Attributes:
        addresses: ``mqtt[s]://host:port`` as speakers reach the broker, best first.
        root: the station's root public key.
        ca: PEM of the authority that speakers pin; empty without TLS of our own.
    """

    station: str
    addresses: list[str]
    root: str
    ca: str

    @classmethod
    def of(cls, settings: Settings, station: str, broker: EmbeddedBroker | None) -> "KitMaker":
        """The maker of a station that is initialised. Errors: BrokerAddressError, OSError."""
        root = (settings.home_path / "keys" / "root.pub").read_text("ascii")
        addresses = brokers.speaker_addresses(settings, broker)
        ca = brokers.authority_pem(settings) if any(address.startswith("mqtts:") for address in addresses) else ""
        return cls(station, addresses, root, ca)

    def kit(self, speaker: Speaker, wifi: Wifi | None = None, apn: str = "") -> dict[str, Any]:
        """Everything one speaker has to know; it ignores members that it does not know."""
        user = f"{quote(speaker.id)}:{quote(speaker.broker_token)}@"
        kit: dict[str, Any] = {
            "station": self.station,
            "speaker": speaker.id,
            "brokers": [address.replace("://", f"://{user}", 1) for address in self.addresses],
            "root": self.root,
            "claim_code": speaker.claim_code,
            "horns": speaker.horn_count,
            "role": speaker.role.value,
        }
        if self.ca:
            kit["ca"] = self.ca
        if wifi:
            kit["wifi"] = [{"ssid": wifi.ssid, "password": wifi.password}]
        if apn:
            kit["apn"] = apn
        return kit

    def encoded(self, speaker: Speaker, wifi: Wifi | None = None, apn: str = "") -> bytes:
        """The file for the USB stick."""
        return json.dumps(self.kit(speaker, wifi, apn), ensure_ascii=False, indent=1).encode()

    def write(
        self, out: Path, station: Station, speaker: Speaker, say: Say, *, wifi: Wifi | None = None, apn: str = ""
    ) -> list[Path]:
        """Write kit and label of one speaker into a folder. Returns the files."""
        said = labels.content(self.station, speaker.id, speaker.claim_code)
        page = labels.page(
            say,
            station=self.station,
            station_name=station.name,
            speaker=speaker.id,
            name=speaker.name,
            claim_code=speaker.claim_code,
        )
        files = {
            f"{speaker.id}.json": self.encoded(speaker, wifi, apn),
            f"{speaker.id}.label.svg": qr.svg_file(said),
            f"{speaker.id}.label.png": qr.png(said),
            f"{speaker.id}.label.html": page.encode(),
        }
        for name, content in files.items():
            write_aside(out / name, content)  # made with mode 0600
        return [out / name for name in files]

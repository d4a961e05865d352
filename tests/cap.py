"""CAP messages for tests: right but for what is changed."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

DONG = "20.84,106.02 20.84,106.04 20.853,106.04 20.853,106.02 20.84,106.02"
HERE = "20.80,106.00 20.80,106.10 20.90,106.10 20.90,106.00 20.80,106.00"
"""Everything of the small station of `tests.web.station`."""
SENT = "2026-11-21T09:58:00+07:00"
"""Two minutes before `FixedClock`."""
SENDER = "kttv@example.vn"


def area(
    *, polygons: Sequence[str] = (HERE,), circles: Sequence[str] = (), geocodes: Sequence[tuple[str, str]] = ()
) -> str:
    inside = "".join(f"<polygon>{one}</polygon>" for one in polygons)
    inside += "".join(f"<circle>{one}</circle>" for one in circles)
    inside += "".join(f"<geocode><valueName>{n}</valueName><value>{v}</value></geocode>" for n, v in geocodes)
    return f"<area><areaDesc>Xã An Bình</areaDesc>{inside}</area>"


def info(**changes: str) -> str:
    facts = {
        "language": "vi-VN",
        "category": "Met",
        "event": "Bão",
        "responseType": "",
        "urgency": "Immediate",
        "severity": "Severe",
        "certainty": "Likely",
        "effective": "",
        "expires": "2026-11-21T18:00:00+07:00",
        "headline": "Bão số 13 đang vào bờ",
        "description": "Gió giật cấp 12. Xem https://kttv.example.vn/bao-13 để biết thêm.",
        "instruction": "Bà con ở trong nhà.",
    }
    areas = changes.pop("areas", area())
    more = changes.pop("more", "")
    facts |= changes
    return "<info>" + "".join(f"<{n}>{escape(v)}</{n}>" for n, v in facts.items() if v) + more + areas + "</info>"


def alert(identifier: str = "13-01", infos: Sequence[str] | None = None, **changes: str) -> bytes:
    facts = {
        "identifier": identifier,
        "sender": SENDER,
        "sent": SENT,
        "status": "Actual",
        "msgType": "Alert",
        "scope": "Public",
        "references": "",
    } | changes
    said = "".join(f"<{name}>{value}</{name}>" for name, value in facts.items() if value)
    blocks = "".join([info()] if infos is None else infos)
    xml = '<?xml version="1.0" encoding="UTF-8"?>\n<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">\n'
    return f"{xml}{said}\n{blocks}</alert>\n".encode()


def reference(identifier: str = "13-01", sent: str = SENT, sender: str = SENDER) -> str:
    return f"{sender},{identifier},{sent}"

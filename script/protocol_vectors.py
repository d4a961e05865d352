"""The test vectors of the protocol: fixed keys, exact bytes, and the verdict that every speaker must reach."""

import base64
import json
from collections.abc import Callable
from typing import Any, Final

from broadcaster.wire import envelope, keys, strict_json
from broadcaster.wire.documents import Action, Class, Command, Config, Plan, PlanItem, Trust, TrustedKey, Welcome
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind, Topics
from broadcaster.wire.units import HOUR, MINUTE, SECOND, UnixMs
from broadcaster.wire.urgent import Alert, AlertPart, LiveOpen, Part

NOW: Final = 1_795_237_200_000
STATION, SPEAKER, ZONE, TOP, ELSEWHERE = "an-binh", "loa-001", "thon-dong", "an-binh", "thon-tay"
DATE: Final = "2026-11-21"
ROOT, ROUTINE, EMERGENCY, REVOKED, STRANGER, GUEST, PROVINCE = (
    SigningKey.from_bytes(bytes([n] * 32)) for n in range(1, 8)
)
_KEYS: Final = {
    "root": ROOT,
    "station": ROUTINE,
    "emergency": EMERGENCY,
    "revoked": REVOKED,
    "stranger": STRANGER,
    "province": PROVINCE,
}
_TOPICS: Final = Topics(STATION)
_HASH: Final = "0" * 63 + "1"

Sent = tuple[str, bytes]


def _sign(  # noqa: PLR0917  the order of the envelope
    key: SigningKey, kind: Kind, topic: str, payload: bytes, seq: int = NOW, exp: int = 0
) -> Sent:
    signed = envelope.sign(
        key.private, key.kid, typ=kind.value, topic=topic, seq=UnixMs(seq), payload=payload, exp=UnixMs(exp)
    )
    return topic, signed


def _known(key: SigningKey, *scopes: Class, zones: tuple[str, ...] = (), max_level: int | None = None) -> TrustedKey:
    return TrustedKey(kid=key.kid, key=keys.public_text(key.public), scopes=scopes, zones=zones, max_level=max_level)


def _trust(seq: int = NOW - HOUR, key: SigningKey = ROOT) -> Sent:
    known = (
        _known(ROUTINE, Class.ROUTINE, Class.PRIORITY),
        _known(EMERGENCY, Class.EMERGENCY),
        _known(GUEST, Class.ROUTINE, zones=(ELSEWHERE,)),
        _known(PROVINCE, Class.EMERGENCY, zones=(TOP,), max_level=3),
    )
    return _sign(
        key, Kind.TRUST, _TOPICS.trust(TOP), strict_json.encode(Trust(keys=known, revoked=(REVOKED.kid,))), seq
    )


def _config() -> Sent:
    document = Config(speaker=SPEAKER, zones=(ZONE, TOP), volume=70, utc_offset_min=420)
    return _sign(ROUTINE, Kind.CONFIG, _TOPICS.down(SPEAKER, "config"), strict_json.encode(document), NOW - HOUR)


def _item(name: str = "b1", klass: Class = Class.ROUTINE) -> PlanItem:
    return PlanItem(
        id=name,
        start_at=NOW + MINUTE,
        klass=klass,
        clip=_HASH,
        manifest=_HASH,
        bytes=1_000,
        duration_ms=5_000,
        late_ms=60_000,
        sent_by=NOW,
    )


def _plan(
    key: SigningKey = ROUTINE,
    *,
    zone: str = ZONE,
    seq: int = NOW,
    exp: int = NOW + HOUR,
    klass: Class = Class.ROUTINE,
    name: str = "b1",
) -> Sent:
    payload = strict_json.encode(Plan(zone=zone, date=DATE, items=(_item(name, klass),)))
    return _sign(key, Kind.PLAN, _TOPICS.plan(zone, DATE), payload, seq, exp)


def _alert(
    key: SigningKey = EMERGENCY, *, name: str = "bao-so-9", seq: int = NOW, exp: int = NOW + HOUR, **members: Any
) -> Sent:
    part = AlertPart(part=Part.SIREN, at_ms=0, clip=_HASH, manifest=_HASH, bytes=1_000, duration_ms=8_000, sent_by=NOW)
    document = Alert(**{"alert": "bao-so-9", "level": 3, "start_at": NOW + 400, "parts": (part,), **members})
    return _sign(key, Kind.ALERT, _TOPICS.alert(TOP, name), strict_json.encode(document), seq, exp)


def _by_province(**members: Any) -> Sent:
    name = f"{PROVINCE.kid}-lu"
    return _alert(PROVINCE, name=name, alert=name, **members)


def _command(key: SigningKey, command: Command, *, seq: int = NOW, valid_ms: int = 30 * SECOND) -> Sent:
    return _sign(key, Kind.COMMAND, _TOPICS.command(ZONE), strict_json.encode(command), seq, seq + valid_ms)


def _lock(key: SigningKey, until: int = NOW + HOUR) -> Sent:
    return _command(key, Command(action=Action.LOCK_OUT, keys=(ROUTINE.kid,), until=until))


def _open(key: SigningKey, klass: Class) -> Sent:
    document = LiveOpen(stream="mic", klass=klass, start_at=NOW + 500, limit_at=NOW + HOUR)
    payload = strict_json.encode(document)
    return _sign(key, Kind.LIVE_OPEN, _TOPICS.live_open(ZONE, "mic"), payload, NOW, NOW + 10 * SECOND)


def _live(key: SigningKey, number: int = 0, valid_ms: int = 5 * SECOND) -> Sent:
    return _sign(key, Kind.LIVE, _TOPICS.live(ZONE, "mic", number), b"\x00\x03abc", NOW, NOW + valid_ms)


def _raw_plan(payload: bytes) -> Sent:
    return _sign(ROUTINE, Kind.PLAN, _TOPICS.plan(ZONE, DATE), payload, NOW, NOW + HOUR)


def _with(sent: Sent, change: Callable[[bytes], bytes]) -> Sent:
    return sent[0], change(sent[1])


def _header(**changes: Any) -> Sent:
    """A plan with another header, signed as it stands."""
    topic, message = _plan()
    payload = message.partition(b"\n")[2]
    members: dict[str, Any] = {
        "alg": "Ed25519",
        "b64": False,
        "crit": ["b64"],
        "kid": ROUTINE.kid,
        "typ": "loa-plan",
        "topic": topic,
        "seq": NOW,
        "exp": NOW + HOUR,
        **changes,
    }
    text = json.dumps(members, separators=(",", ":")).encode()
    return topic, _signed_text(text, payload)


def _signed_text(text: bytes, payload: bytes) -> bytes:
    protected = base64.urlsafe_b64encode(text).rstrip(b"=")
    signature = base64.urlsafe_b64encode(ROUTINE.private.sign(protected + b"." + payload)).rstrip(b"=")
    return protected + b".." + signature + b"\n" + payload


def _header_twice() -> Sent:
    topic, message = _plan()
    text = base64.urlsafe_b64decode(message.partition(b"..")[0] + b"==")
    return topic, _signed_text(text[:-1] + b',"seq":1}', message.partition(b"\n")[2])


def _swapped(message: bytes) -> bytes:
    other = _plan(STRANGER)[1].partition(b"..")[2].partition(b"\n")[0]
    head, payload = message.partition(b"..")[0], message.partition(b"\n")[2]
    return head + b".." + other + b"\n" + payload


def _copy(sent: Sent) -> Sent:
    return _TOPICS.down(SPEAKER, "copy"), sent[1]


_STOP: Final = Command(action=Action.STOP, broadcast="b1")
_TWICE: Final = _plan()[1].partition(b"\n")[2][:-1] + b',"zone":"thon-dong"}'
_WELCOME: Final = strict_json.encode(Welcome(nonce="bm90LWFza2Vk", t1=NOW, t2=NOW, t3=NOW))
_ALL_DAY: Final = _TOPICS.plan(ZONE, "2026-11-22")

CASES: Final[tuple[tuple[str, str, tuple[Sent, ...], Sent], ...]] = (
    ("valid plan", "accepted", (), _plan()),
    ("valid plan as a copy", "accepted", (), _copy(_plan())),
    ("valid priority", "accepted", (), _plan(klass=Class.PRIORITY)),
    ("valid alert", "accepted", (), _alert()),
    ("valid rehearsal", "accepted", (), _alert(parts=(), drill=True)),
    ("valid end of an alert", "accepted", (), _alert(ended=True)),
    ("valid alert of the highest level", "accepted", (), _alert(level=5)),
    ("valid alert by a guest, at its highest level", "accepted", (), _by_province(level=3)),
    ("valid end of an alert by a guest", "accepted", (_by_province(level=3, seq=NOW - 1),), _by_province(ended=True)),
    ("valid stop", "accepted", (), _command(ROUTINE, _STOP)),
    ("valid lock-out by the emergency key", "accepted", (), _lock(EMERGENCY)),
    ("valid lock-out by the root key", "accepted", (), _lock(ROOT)),
    ("valid live stream", "accepted", (_open(ROUTINE, Class.ROUTINE),), _live(ROUTINE)),
    ("valid newer trust", "accepted", (), _trust(NOW)),
    ("the same plan again", "accepted", (_plan(),), _plan()),
    ("forged under the name of the station key", "bad-signature", (), _with(_plan(), _swapped)),
    ("altered payload", "bad-signature", (), _with(_plan(), lambda m: m.replace(b"60000", b"90000"))),
    ("altered alert", "bad-signature", (), _with(_alert(), lambda m: m.replace(b'"level":3', b'"level":5'))),
    ("replayed command", "replayed", (_command(ROUTINE, _STOP),), _command(ROUTINE, _STOP)),
    ("one number, two plans", "replayed", (_plan(),), _plan(name="b2")),
    ("rolled back", "rolled-back", (_plan(seq=NOW),), _plan(seq=NOW - 1)),
    ("rolled back, as a copy", "rolled-back", (_plan(seq=NOW),), _copy(_plan(seq=NOW - 1))),
    ("expired plan", "expired", (), _plan(seq=NOW - HOUR, exp=NOW)),
    ("expired alert", "expired", (), _alert(exp=NOW)),
    ("expired command", "expired", (), _command(ROUTINE, _STOP, seq=NOW - 30 * SECOND)),
    ("future-dated", "future-dated", (), _plan(seq=NOW + 5 * MINUTE + 1)),
    ("as far ahead as allowed", "accepted", (), _plan(seq=NOW + 5 * MINUTE)),
    ("on another day's topic", "wrong-topic", (), (_ALL_DAY, _plan()[1])),
    ("on another zone's topic", "wrong-topic", (), (_TOPICS.plan(TOP, DATE), _plan()[1])),
    ("an alert under another name", "wrong-topic", (), _alert(name="khac")),
    ("a plan of another zone inside", "wrong-topic", (), _raw_plan(_plan(zone=TOP)[1].partition(b"\n")[2])),
    ("wrong type", "wrong-type", (), _header(typ="loa-config")),
    ("a zone that is not its own", "not-mine", (), _plan(zone=ELSEWHERE)),
    ("a copy from a zone that is not its own", "not-mine", (), _copy(_plan(zone=ELSEWHERE))),
    ("another speaker's config", "not-mine", (), (_TOPICS.down("loa-002", "config"), _config()[1])),
    ("another station", "unknown-topic", (), ("loa/1/other/zone/thon-dong/command", b"x")),
    ("unknown key", "unknown-key", (), _plan(STRANGER)),
    ("a plan by the root key", "unknown-key", (), _plan(ROOT)),
    ("trust by the station key", "unknown-key", (), _trust(NOW, ROUTINE)),
    ("revoked key", "revoked-key", (), _plan(REVOKED)),
    ("locked-out key", "locked-out", (_lock(EMERGENCY),), _plan()),
    ("an emergency by the station key", "out-of-scope", (), _plan(klass=Class.EMERGENCY)),
    ("routine by the emergency key", "out-of-scope", (), _plan(EMERGENCY)),
    ("an alert by the station key", "out-of-scope", (), _alert(ROUTINE)),
    ("an alert above the level of its key", "out-of-scope", (), _by_province(level=4)),
    ("an end above the level of its key", "out-of-scope", (), _by_province(level=4, ended=True)),
    ("an alert by a guest under a name that is not its own", "out-of-scope", (), _alert(PROVINCE, level=3)),
    ("a lock-out by a guest", "out-of-scope", (), _lock(PROVINCE)),
    ("live emergency by a guest", "out-of-scope", (), _open(PROVINCE, Class.EMERGENCY)),
    ("a key outside its zones", "out-of-scope", (), _plan(GUEST)),
    ("stop-all by the station key", "out-of-scope", (), _command(ROUTINE, Command(action=Action.STOP_ALL))),
    ("lock-out by the station key", "out-of-scope", (), _lock(ROUTINE)),
    ("live emergency by the station key", "out-of-scope", (), _open(ROUTINE, Class.EMERGENCY)),
    ("a live segment by another key", "out-of-scope", (_open(ROUTINE, Class.ROUTINE),), _live(EMERGENCY)),
    ("a live segment of no stream", "unknown-stream", (), _live(ROUTINE)),
    ("a live segment that is valid for long", "malformed", (_open(ROUTINE, Class.ROUTINE),), _live(ROUTINE, 0, 5_001)),
    ("lock-out for more than a day", "malformed", (), _lock(EMERGENCY, NOW + 25 * HOUR)),
    ("a command that is valid for long", "malformed", (), _command(ROUTINE, _STOP, valid_ms=30_001)),
    ("an endless alert", "malformed", (), _alert(exp=0)),
    ("an alert in force as long as allowed", "accepted", (), _alert(exp=NOW + 48 * HOUR)),
    ("an alert in force for too long", "malformed", (), _alert(exp=NOW + 48 * HOUR + 1)),
    ("a member twice in the payload", "duplicate-member", (), _raw_plan(_TWICE)),
    ("a member twice in the header", "duplicate-member", (), _header_twice()),
    ("another algorithm", "malformed", (), _header(alg="EdDSA")),
    ("no algorithm", "malformed", (), _header(alg="none")),
    ("an unknown critical member", "malformed", (), _header(crit=["b64", "new"])),
    ("an encoded payload", "malformed", (), _header(b64=True)),
    ("a number as text", "malformed", (), _header(seq=str(NOW))),
    ("not signed", "malformed", (), _with(_plan(), lambda m: m.partition(b"\n")[2])),
    ("a signature with padding", "malformed", (), _with(_plan(), lambda m: m.replace(b"\n", b"==\n", 1))),
    ("cut short", "malformed", (), _with(_plan(), lambda m: m[:100])),
    ("not JSON", "malformed", (), _raw_plan(b"evil")),
    ("JSON of another shape", "malformed", (), _raw_plan(b'{"zone":"thon-dong","items":[]}')),
    ("oversized", "oversized", (), _raw_plan(b'{"zone":"' + b"x" * 120_000 + b'"}')),
    ("an oversized header", "oversized", (), _header(more="x" * 400)),
    (
        "a welcome that nobody asked for",
        "stale-welcome",
        (),
        _sign(ROUTINE, Kind.WELCOME, _TOPICS.down(SPEAKER, "welcome"), _WELCOME, NOW, NOW + MINUTE),
    ),
)


def _written(sent: Sent) -> dict[str, str]:
    return {"topic": sent[0], "message": base64.b64encode(sent[1]).decode()}


_NOON_QUIET: Final = {"quiet": [{"start": "12:00", "until": "14:00"}]}
_OFF: Final = {"off": [{"start": NOW, "until": NOW + HOUR}]}
_FEAST: Final = {"name": "x", "start": NOW, "until": NOW + 10 * MINUTE}
_ROUTINE: Final = Class.ROUTINE.value
HOURS: Final[tuple[tuple[str, str, dict[str, Any], int, int, str], ...]] = (
    ("nothing is forbidden", "plays", {}, NOW, MINUTE, _ROUTINE),
    ("ends when quiet hours begin", "plays", _NOON_QUIET, NOW - MINUTE, MINUTE, _ROUTINE),
    ("ends one millisecond into quiet hours", "quiet-hours", _NOON_QUIET, NOW - MINUTE, MINUTE + 1, _ROUTINE),
    ("begins in quiet hours", "quiet-hours", _NOON_QUIET, NOW, MINUTE, "priority"),
    ("an emergency in quiet hours", "plays", _NOON_QUIET, NOW, MINUTE, "emergency"),
    ("begins when quiet hours are over", "plays", _NOON_QUIET, NOW + 2 * HOUR, MINUTE, _ROUTINE),
    (
        "ends with a named exception",
        "plays",
        {**_NOON_QUIET, "exceptions": [_FEAST]},
        NOW + 9 * MINUTE,
        MINUTE,
        _ROUTINE,
    ),
    (
        "ends after a named exception",
        "quiet-hours",
        {**_NOON_QUIET, "exceptions": [_FEAST]},
        NOW + 9 * MINUTE,
        2 * MINUTE,
        _ROUTINE,
    ),
    ("on a permitted Saturday", "plays", {"weekdays": [6]}, NOW, MINUTE, _ROUTINE),
    ("on a Saturday that is not permitted", "weekday", {"weekdays": [1, 2, 3, 4, 5]}, NOW, MINUTE, _ROUTINE),
    ("an emergency on such a Saturday", "plays", {"weekdays": [1]}, NOW, MINUTE, "emergency"),
    ("from Saturday into Sunday", "plays", {"weekdays": [6]}, NOW + 12 * HOUR - SECOND, MINUTE, _ROUTINE),
    ("while it is off", "off", _OFF, NOW, MINUTE, "priority"),
    ("an emergency while it is off", "plays", _OFF, NOW, MINUTE, "emergency"),
    ("ends when off begins", "plays", _OFF, NOW - MINUTE, MINUTE, _ROUTINE),
    ("ends one millisecond into off", "off", _OFF, NOW - MINUTE, MINUTE + 1, _ROUTINE),
    ("reaches over a short off", "off", {"off": [{"start": NOW, "until": NOW + 1}]}, NOW - MINUTE, HOUR, _ROUTINE),
    ("begins when off is over", "plays", _OFF, NOW + HOUR, MINUTE, _ROUTINE),
    ("off in a named exception", "off", {**_OFF, "exceptions": [_FEAST]}, NOW, MINUTE, _ROUTINE),
)
"""Name, verdict, members of the config, and start, length and class of an item that is here in time."""


def _hours() -> dict[str, Any]:
    return {
        "about": "A speaker with this `config` has the clip of an item in time; `verdict` is `plays`, or the `why` of its receipt.",
        "vectors": [
            {
                "name": name,
                "verdict": verdict,
                "config": {"speaker": SPEAKER, "zones": [ZONE], "volume": 70, "utc_offset_min": 420, **members},
                "item": {"start_at": start_at, "duration_ms": duration_ms, "class": klass},
            }
            for name, verdict, members, start_at, duration_ms, klass in HOURS
        ],
    }


def files() -> dict[str, dict[str, Any]]:
    """The vectors, by file name."""
    context = {
        "about": "A fresh speaker hears `before` and then `message`, all at `now`; `verdict` is what it says to `message`.",
        "station": STATION,
        "speaker": SPEAKER,
        "now": NOW,
        "keys": {
            name: {
                "kid": key.kid,
                "public": keys.public_text(key.public),
                "private": key.private.private_bytes_raw().hex(),
            }
            for name, key in _KEYS.items()
        },
    }
    always = (_trust(), _config())
    vectors = [
        {
            "name": name,
            "verdict": verdict,
            "before": [_written(sent) for sent in (*always, *before)],
            **_written(message),
        }
        for name, verdict, before, message in CASES
    ]
    return {"acceptance.json": {**context, "vectors": vectors}, "hours.json": _hours()}

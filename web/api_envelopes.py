"""``/api/v1/envelopes`` and ``/api/v1/clips``: a guest, such as a province, hands over alerts that it has signed itself.

The token only opens the door; what is published is decided by the signature, with the rules that every speaker applies again.
"""

import tempfile
from pathlib import Path
from typing import Any, Final, cast

from flask import Blueprint, Flask, current_app, request, url_for
from flask.typing import ResponseReturnValue
from limits import RateLimitItemPerHour
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from broadcaster import guests
from broadcaster.guests import LackingClipsError
from broadcaster.rows import Clip
from broadcaster.tokens import FORWARD
from broadcaster.wire import clips, envelope, ogg
from broadcaster.wire.ogg import NotOggError
from broadcaster.wire.rejection import Reason, RejectedError
from broadcaster.wire.topics import Topics
from tts.decoding import decode_file
from tts.limited import RefusedFileError
from web.access import open_to_all
from web.api_alerts import ApiError, admit, answer, body, in_json, must_reach, note_use
from web.context import now, services, station

pages = Blueprint("api_envelopes", __name__, url_prefix="/api/v1")
pages.register_error_handler(ApiError, answer)
pages.after_request(note_use)

_MAX_CLIP_BYTES: Final = 4 * 2**20
"""Twenty-five minutes of speech at 20 kbit/s."""
_CLIPS: Final = RateLimitItemPerHour(60)
"""New sounds of one token: an alert takes five or six, and nobody fills the disk with what no alert names."""
_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")
"""Read as fields before they come here; curl says the first unless it is told otherwise."""
_KEY: Final = "clips-brought"
_CHANNELS_AT: Final = 9
"""In the identification header of Opus (RFC 7845, section 5.1)."""


def count_clips(app: Flask) -> None:
    """Give an application its counter of sounds."""
    app.extensions[_KEY] = MovingWindowRateLimiter(MemoryStorage())


@pages.post("/envelopes")
@open_to_all
def forward() -> ResponseReturnValue:
    """Publish an envelope as it is, on the topic that it was signed for. The same one again changes nothing."""
    token = admit(FORWARD)
    if request.mimetype in _FORMS:
        raise ApiError("wrong-type", "send application/octet-stream")
    message = body(envelope.MAX_MESSAGE_BYTES)
    try:
        topic = envelope.parse(message).header.topic
        must_reach([Topics(station().code).parse(topic).zone])
        taken = services().orders.forward(topic, message, token.id)
    except LackingClipsError as error:
        raise _refused(error, missing=error.lacking) from error
    except RejectedError as error:
        raise _refused(error) from error
    told = {
        "alert": taken.alert.id,
        "topic": topic,
        "seq": taken.document.seq,
        "expires_at": taken.alert.expires_at,
        "ended_at": taken.alert.ended_at,
        "page": url_for("board.show", alert_id=taken.alert.id, _external=True),
    }
    return in_json(told, 201 if taken.fresh else 200)


def _refused(error: RejectedError, **more: Any) -> ApiError:
    kind = "too-large" if error.reason is Reason.OVERSIZED else "refused"
    return ApiError(kind, str(error), reason=error.reason.value, **more)


@pages.post("/clips")
@open_to_all
def bring() -> ResponseReturnValue:
    """Keep a sound as it is, for alerts that name it; the answer is what an alert has to say of it."""
    token = admit(FORWARD)
    if request.mimetype not in {"audio/ogg", "audio/opus"}:
        raise ApiError("wrong-type", "send audio/ogg")
    sound = body(_MAX_CLIP_BYTES)
    with services().database.read() as session:
        known = session.get(Clip, clips.sha256(sound))
    if known and services().clips.has(known.sha256):
        return in_json(_told(known))
    if not cast("MovingWindowRateLimiter", current_app.extensions[_KEY]).hit(_CLIPS, str(token.id)):
        raise ApiError("too-many", f"at most {_CLIPS.amount} new sounds an hour")
    duration_ms = _checked(sound)
    manifest, manifest_sha256 = services().clips.put(sound)
    with services().database.write() as session:
        clip = guests.keep_clip(session, manifest, manifest_sha256, duration_ms=duration_ms, at=now())
        return in_json(_told(clip), 201)


def _checked(sound: bytes) -> int:
    """The length of a sound in milliseconds, if speakers can play it. Errors: ApiError."""
    try:
        clips.describe(sound)
        head = ogg.packets(sound)[0]
    except (NotOggError, IndexError) as error:
        raise ApiError("refused", f"not an Ogg file as the protocol describes it: {error}", reason="not-ogg") from error
    if not head.startswith(b"OpusHead") or head[_CHANNELS_AT : _CHANNELS_AT + 1] != b"\x01":
        raise ApiError("refused", "send mono Opus", reason="not-mono-opus")
    with tempfile.NamedTemporaryFile(suffix=".opus") as file:
        file.write(sound)
        file.flush()
        try:
            pcm = decode_file(Path(file.name))
        except RefusedFileError as error:
            raise ApiError("refused", str(error), reason=error.code) from error
    return pcm.samples.size * 1_000 // pcm.rate


def _told(clip: Clip) -> dict[str, Any]:
    return {
        "clip": clip.sha256,
        "manifest": clip.manifest_sha256,
        "bytes": clip.bytes,
        "duration_ms": clip.duration_ms,
    }

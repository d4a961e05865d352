"""Where the sound of an open microphone comes in.

The talk's key decides, not the session: a sign-in that expires in the middle of a sentence does not cut it off.
"""

import numpy as np
from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from scheduler.microphone import MOST_AT_ONCE_MS, RATES_HZ, OutOfOrderError, TooMuchError
from scheduler.talking import OverError
from web import live_words
from web.access import open_to_all
from web.context import services

pages = Blueprint("live_intake", __name__)

_MOST_BYTES = 2 * RATES_HZ.stop * MOST_AT_ONCE_MS // 1000
_KEY = "X-Talk-Key"
_POSITION = "X-Talk-Position"


@pages.post("/live/<name>/sound")
@open_to_all
def take(name: str) -> ResponseReturnValue:
    """The next samples: 16 bits, little-endian, mono. Answers with the position that is expected next."""
    position, data = request.headers.get(_POSITION, ""), _body()
    if not position.isdecimal() or len(position) > 10 or len(data) % 2:  # noqa: PLR2004  days of sound
        return jsonify(problem="malformed"), 400
    try:
        talk = services().talks.take(
            name, request.headers.get(_KEY, ""), int(position), np.frombuffer(data, "<i2").astype(np.int16)
        )
    except OutOfOrderError as error:
        return jsonify(problem="out-of-order", next=error.expected), 409
    except TooMuchError:
        return jsonify(problem="too-much"), 429
    except OverError as error:
        return _over(error)
    heard = talk.microphone
    return jsonify(next=heard.position, silent=heard.silent_ms / 1000, lost=heard.lost)


@pages.post("/live/<name>/over")
@open_to_all
def end(name: str) -> ResponseReturnValue:
    """The button was released; once more changes nothing."""
    try:
        services().talks.end(name, request.headers.get(_KEY, ""))
    except OverError as error:
        return _over(error)
    return jsonify()


def _body() -> bytes:
    """The samples of a request. Errors: RequestEntityTooLarge."""
    request.max_content_length = _MOST_BYTES
    return request.get_data(cache=False)


def _over(error: OverError) -> ResponseReturnValue:
    if error.end is None:
        return jsonify(problem="unknown"), 404
    return jsonify(end=error.end.value, text=live_words.ended(error.end)), 410

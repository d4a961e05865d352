"""Receipts on their way: what a speaker has signed, and the station's word that it is written down."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from broadcaster.deliveries import Told
from broadcaster.publishing import Publisher
from broadcaster.rows import Speaker
from broadcaster.transport import Message
from broadcaster.wire import envelope, keys, strict_json
from broadcaster.wire.documents import Ack, Receipts
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.rejection import Reason, RejectedError
from broadcaster.wire.topics import Kind, Topics
from broadcaster.wire.units import UnixMs

_AT_ONCE: Final = 1_000
"""Receipts in one acknowledgement, which has to pass every broker: 67 kB at most."""


def read(speaker: Speaker, message: Message) -> Told:
    """What a speaker has signed. Errors: RejectedError."""
    signed = envelope.parse(message.payload)
    if signed.header.topic != message.topic or signed.header.typ != Kind.RECEIPT.value:
        raise RejectedError(Reason.WRONG_TOPIC, message.topic)
    if speaker.public_key is None:
        raise RejectedError(Reason.UNKNOWN_KEY, speaker.id)
    envelope.verify(signed, keys.public_key(speaker.public_key))
    return Told(speaker.id, strict_json.decode(signed.payload, Receipts).receipts, message.at)


def acknowledge(
    publisher: Publisher, key: SigningKey, topics: Topics, written: Sequence[Told], exp: UnixMs
) -> list[tuple[str, bytes]]:
    """The acknowledgements of receipts, by topic: one for each speaker, unless it has told very much."""
    ids: dict[str, list[str]] = defaultdict(list)
    for told in written:
        ids[topics.down(told.speaker, "ack")] += (receipt.id for receipt in told.receipts)
    publisher.recall_topics(ids)
    return [
        (topic, publisher.once(key, Kind.ACK, topic, Ack(receipts=tuple(receipts[first : first + _AT_ONCE])), exp))
        for topic, receipts in ids.items()
        for first in range(0, len(receipts), _AT_ONCE)
    ]

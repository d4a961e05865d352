"""What a new box is given: where the brokers are, whom to believe, and the claim code of its label."""

from pathlib import Path
from typing import Annotated

import msgspec

from broadcaster.wire.broker_address import BrokerAddress, BrokerAddressError
from broadcaster.wire.fields import Name, PublicKey, SpeakerRole
from device_sim.errors import KitError


class Kit(msgspec.Struct, frozen=True):
    """The file ``loa init`` and ``loa speaker kit`` write; readable by its owner only.

    Attributes:
        brokers: ``mqtt[s]://user:password@host:port``, in order of preference.
        root: the station's root public key.
        claim_code: 128 bits in hexadecimal, the secret of the label.
        ca: the station's certificate authority as PEM, the only one a broker with TLS is believed by; empty for the
            operating system's authorities.
        role: ``speaker``, or ``gateway`` for what it feeds and can't hear (FM, wired horns).
        horns: how many horns hang on it.
        sim_day: the day on which its mobile contract's month begins.
    """

    station: Name
    speaker: Name
    brokers: tuple[str, ...]
    root: PublicKey
    claim_code: str
    ca: str = ""
    role: SpeakerRole = SpeakerRole.SPEAKER
    horns: Annotated[int, msgspec.Meta(ge=0, le=64)] = 1
    sim_day: Annotated[int, msgspec.Meta(ge=1, le=28)] = 1

    @classmethod
    def read(cls, path: Path) -> "Kit":
        """Read a kit. Errors: KitError."""
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except (OSError, msgspec.MsgspecError) as error:
            raise KitError(f"{path}: {error}") from error


def broker_of(url: str, like: BrokerAddress | None = None) -> BrokerAddress:
    """A broker of a kit or a config; one without a user takes that of `like`. Errors: KitError."""
    try:
        return BrokerAddress.parse(url, like=like)
    except BrokerAddressError as error:
        raise KitError(str(error)) from error

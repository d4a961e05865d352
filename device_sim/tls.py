"""TLS to the broker: the station's own certificate authority and no other, its dates ignored until time is trusted."""

import ssl
from typing import Final

from device_sim.errors import KitError

NO_CHECK_TIME: Final = 0x200000
"""``X509_V_FLAG_NO_CHECK_TIME`` of OpenSSL's ``x509_vfy.h``, which Python's `ssl.VerifyFlags` has no name for."""


def client_context(authority: str, *, trust_clock: bool) -> ssl.SSLContext:
    """How to check a broker.

    Args:
        authority: the station's authority as PEM; empty for those of the operating system, whose dates always count.
        trust_clock: whether the own clock is known to be right. A box without a battery wakes in another year: it must
            connect to learn the time, and what it then believes is signed (DESIGN 6).

    Errors: KitError.
    """
    if not authority:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cadata=authority)
    except ssl.SSLError as error:
        raise KitError(f"the authority of the brokers is no certificate: {error}") from error
    if not trust_clock:
        context.verify_flags |= NO_CHECK_TIME
    return context

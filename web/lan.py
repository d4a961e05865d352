"""This computer in its own network: the names by which others reach it."""

import socket
from contextlib import closing
from typing import Final

_ELSEWHERE: Final = ("192.0.2.1", 9)
"""Documentation address (RFC 5737): asking for the route to it tells our own address and sends nothing."""


def lan_address() -> str:
    """The address of this computer in its network; loopback where there is none."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        try:
            probe.connect(_ELSEWHERE)
        except OSError:
            return "127.0.0.1"
        address: tuple[str, int] = probe.getsockname()
        return address[0]


def own_names() -> list[str]:
    """Every name and address that a certificate of this computer carries."""
    return sorted({"localhost", "127.0.0.1", lan_address(), socket.gethostname()})

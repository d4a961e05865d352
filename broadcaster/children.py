"""What child processes that go to the network see of the environment."""

import os
from typing import Final

_KEPT: Final = (
    "PATH",
    "LANG",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "no_proxy",
    "NO_PROXY",
)


def environment() -> dict[str, str]:
    """Where programs and certificates lie, and the way out; nothing of the station, such as the address of its database."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ}  # noqa: TID251  a child's

"""The speaker protocol, version 1: what both ends of the wire share, and nothing that touches the world.

``docs/protocol.md`` is the page this package implements; the reference speaker in ``device_sim`` imports only this.
"""

"""The conformance kit: plays the station against any speaker on a broker and judges what it says.

Knows ``docs/protocol.md`` and MQTT, and nothing of how a speaker is made; what a speaker sounds like it can't hear.
"""

"""The reference speaker: a sans-IO state machine with adapters around it. Its source is the executable protocol."""

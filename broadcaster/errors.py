"""The one root of every error this project raises on purpose.

Each package adds a leaf per thing a caller can act on. Messages are English, for the log; the sentence that people
read is made at the edge, from the error's attributes.
"""


class LoaError(Exception):
    """Something Loa Phường noticed and can name."""

"""QR codes for pages and for terminals; the only importer of segno."""

from io import StringIO

import segno


def svg(text: str) -> str:
    """An inline SVG of ``text`` as a QR code, black on white, sized by its style sheet."""
    drawn: str = segno.make(text, error="m", micro=False).svg_inline(
        border=3, light="#fff", omitsize=True, svgclass="qr", lineclass=None, unit=""
    )
    return drawn


def terminal(text: str) -> str:
    """``text`` as a QR code of block characters, for a dark terminal."""
    drawn = StringIO()
    segno.make(text, error="l", micro=False).terminal(drawn, border=2, compact=True)
    return drawn.getvalue()

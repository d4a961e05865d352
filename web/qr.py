"""QR codes for pages, labels and terminals; the only importer of segno."""

import io

import segno


def svg(text: str) -> str:
    """An inline SVG of ``text`` as a QR code, black on white, sized by its style sheet."""
    drawn: str = segno.make(text, error="m", micro=False).svg_inline(
        border=3, light="#fff", omitsize=True, svgclass="qr", lineclass=None, unit=""
    )
    return drawn


def terminal(text: str) -> str:
    """``text`` as a QR code of block characters, for a dark terminal."""
    drawn = io.StringIO()
    segno.make(text, error="l", micro=False).terminal(drawn, border=2, compact=True)
    return drawn.getvalue()


def svg_file(text: str) -> bytes:
    """A QR code as an SVG file of its own."""
    drawn = io.BytesIO()
    segno.make(text, error="m", micro=False).save(drawn, kind="svg", border=3, scale=8, light="#fff")
    return drawn.getvalue()


def png(text: str) -> bytes:
    """A QR code as a PNG file, 8 dots a module: 300 dpi print it about 3 cm wide."""
    drawn = io.BytesIO()
    segno.make(text, error="m", micro=False).save(drawn, kind="png", border=3, scale=8)
    return drawn.getvalue()

"""QR codes as SVG; the only importer of segno."""

import segno


def svg(text: str) -> str:
    """An inline SVG of ``text`` as a QR code, black on white, sized by its style sheet."""
    drawn: str = segno.make(text, error="m", micro=False).svg_inline(
        border=3, light="#fff", omitsize=True, svgclass="qr", lineclass=None, unit=""
    )
    return drawn

"""The label of a new box: its claim code as a QR code, and a page to print. Knows no HTTP."""

from html import escape
from string import Template
from typing import Final

from web import qr
from web.say import Say

SCHEME: Final = "LOA1"
_PAGE: Final = Template("""\
<!doctype html>
<html lang="$language">
<meta charset="utf-8">
<title>$title</title>
<style>
  body { font: 12pt system-ui, "Noto Sans", Arial, sans-serif; margin: 8mm; color: #000; background: #fff; }
  .label { display: flex; gap: 6mm; align-items: center; width: 110mm; padding: 4mm; border: .4mm solid #000; }
  svg { width: 38mm; height: 38mm; flex: none; }
  b { display: block; font-size: 15pt; }
  code { font-size: 10pt; overflow-wrap: anywhere; }
  p { margin: 1mm 0; }
  @media print { .hint { display: none; } }
</style>
<div class="label">
$code
<div><p>$station</p><b>$speaker</b><p>$name</p><p><code>$claim</code></p><p>$words</p></div>
</div>
<p class="hint">$hint</p>
</html>
""")


def content(station: str, speaker: str, claim_code: str) -> str:
    """What the QR code says: ``LOA1:station:speaker:claim code``."""
    return f"{SCHEME}:{station}:{speaker}:{claim_code}"


def grouped(claim_code: str) -> str:
    """A claim code for human eyes: groups of four."""
    return " ".join(claim_code[start : start + 4] for start in range(0, len(claim_code), 4))


def page(say: Say, *, station: str, station_name: str, speaker: str, name: str, claim_code: str) -> str:
    """The label as a page of its own, to be printed; it needs nothing else."""
    return _PAGE.substitute(
        language=say("vi"),
        title=escape(say("Nhãn cụm loa %(speaker)s", speaker=speaker)),
        code=qr.svg(content(station, speaker, claim_code)),
        station=escape(station_name),
        speaker=escape(speaker),
        name=escape(name),
        claim=grouped(claim_code),
        words=escape(say("Mã nhận loa. Ai giữ mã này có thể giả làm cụm loa: dán bên trong tủ.")),
        hint=escape(say("In trang này, cắt theo khung và dán vào bên trong nắp tủ của cụm loa.")),
    )

"""A small plot as SVG, without a plotting library."""

from collections.abc import Mapping, Sequence
from typing import Final

_WIDTH: Final = 720
_HEIGHT: Final = 380
_LEFT: Final = 60
_TOP: Final = 50
_RIGHT: Final = 700
_BOTTOM: Final = 320
_COLOURS: Final = ("#0b6b3a", "#7fb89a", "#1d4f91", "#9db7d8")


def cumulative_plot(
    title: str, curves: Mapping[str, Sequence[float]], budget: float, *, most: float = 60.0, of: str = "at 99 %"
) -> str:
    """The share of values that are at most so large, one curve each; ``budget`` is a vertical line.

    Args:
        title: stands above.
        curves: ordered values by name, from 0 on; what is above ``most`` runs out of the plot.
        most: the right end of the plot.
        of: how much of the values the budget is for, in words.
        budget: what so much of the values shall stay under.
    """
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="25" font-size="15">{title}</text>',
    ]
    for value in range(0, int(most) + 1, int(most / 6)):
        parts.append(_line(_x(value, most), _BOTTOM, _x(value, most), _BOTTOM + 5, "#666"))
        parts.append(f'<text x="{_x(value, most):.1f}" y="{_BOTTOM + 18}" text-anchor="middle">{value}</text>')
    for share in range(0, 101, 25):
        parts.append(_line(_LEFT, _y(share), _RIGHT, _y(share), "#ddd"))
        parts.append(f'<text x="{_LEFT - 8}" y="{_y(share) + 4:.1f}" text-anchor="end">{share} %</text>')
    parts.append(_line(_x(budget, most), _TOP, _x(budget, most), _BOTTOM, "#b3261e", dashes="6 4"))
    parts.append(
        f'<text x="{_x(budget, most) - 5:.1f}" y="{_BOTTOM - 8}" text-anchor="end" fill="#b3261e">budget {budget:g} ms {of}</text>'
    )
    for number, (name, values) in enumerate(curves.items()):
        colour, row = _COLOURS[number % len(_COLOURS)], _BOTTOM - 40 - 18 * (len(curves) - number)
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{_points(values, most)}"/>')
        parts.append(_line(390, row, 415, row, colour))
        parts.append(f'<text x="422" y="{row + 4}">{name}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _points(values: Sequence[float], most: float) -> str:
    shares = [step / 2 for step in range(201)]
    found = [(values[min(len(values) - 1, int(len(values) * share / 100))], share) for share in shares]
    return " ".join(f"{_x(value, most):.1f},{_y(share):.1f}" for value, share in found if value <= most)


def _x(value: float, most: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * value / most


def _y(share: float) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * share / 100


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, *, dashes: str = "none") -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-dasharray="{dashes}"/>'
    )

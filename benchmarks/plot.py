"""The table of the peers as a picture: a bar each for jobs a second, on a scale of powers of ten.

A dozen bars need no library: the picture is SVG text, and can be read in light and in dark.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

from benchmarks.figures import Spread, spread
from benchmarks.peers.known import PEERS
from benchmarks.rows import MESSAGE, WORKER
from benchmarks.session import Session
from benchmarks.tables import number

WIDTH, LABEL, FIGURE, LINE, TOP = 820, 250, 70, 26, 40
OURS_COLOUR, THEIRS_COLOUR, INK = "#d9480f", "#868e96", "#868e96"
TITLES = {MESSAGE: "botcannon, isolation: message", WORKER: "botcannon, isolation: worker"}


@dataclass(frozen=True)
class Bar:
    """One bar of the picture."""

    title: str
    value: Spread
    is_ours: bool


def picture(session: Session) -> str:
    """The SVG of a session; empty if no rate was measured."""
    found = bars(session)
    if not found:
        return ""
    least = 10 ** math.floor(math.log10(min(bar.value.low for bar in found)))
    most = max(bar.value.high for bar in found)

    def place(value: float) -> float:
        share = math.log10(value / least) / math.log10(most / least)
        return LABEL + share * (WIDTH - LABEL - FIGURE)

    height = TOP + LINE * len(found) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="sans-serif" font-size="13" fill="{INK}">',
        f'<text x="{LABEL}" y="16">no-op jobs a second, two worker processes (each line is ten times '
        "the one before)</text>",
    ]
    power = least
    while power <= most:
        x = place(power)
        parts.append(
            f'<path d="M{x:.1f} {TOP - 4}V{height - 10}" stroke="{INK}" stroke-opacity="0.4"/>'
            f'<text x="{x:.1f}" y="{TOP - 8}" font-size="10">{number(power)}</text>'
        )
        power *= 10
    for row, bar in enumerate(found):
        parts.append(_drawn(bar, TOP + row * LINE, place(bar.value.median), place))
    return "\n".join([*parts, "</svg>"]) + "\n"


def bars(session: Session) -> list[Bar]:
    """Everybody whose rate was measured, the fastest first."""
    titles = TITLES | {peer.name: peer.title for peer in PEERS}
    found = []
    for subject, title in titles.items():
        rates = list(session.values(f"{subject}:rate", "rate").values())
        if rates:
            found.append(Bar(title, spread(rates), subject in TITLES))
    return sorted(found, key=lambda bar: -bar.value.median)


def _drawn(bar: Bar, top: float, end: float, place: object) -> str:
    assert callable(place)
    low, high, middle = place(bar.value.low), place(bar.value.high), top + LINE / 2
    colour = OURS_COLOUR if bar.is_ours else THEIRS_COLOUR
    return (
        f'<text x="{LABEL - 8}" y="{middle + 4}" text-anchor="end">{escape(bar.title)}</text>'
        f'<rect x="{LABEL}" y="{top + 4}" width="{end - LABEL:.1f}" height="{LINE - 8}" '
        f'fill="{colour}"/>'
        f'<path d="M{low:.1f} {middle}H{high:.1f}" stroke="black" stroke-width="2"/>'
        f'<text x="{high + 6:.1f}" y="{middle + 4}">{number(bar.value.median)}</text>'
    )

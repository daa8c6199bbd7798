"""The simulated year as a picture: each replica's oldest age against its promise. Readable in black and white."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from html import escape

from checks.concerns import ConcernCode
from tests.campaigns.year_archive import REPLICAS, START
from tests.campaigns.year_looks import Look
from tests.campaigns.year_troubles import Trouble

_DAY = timedelta(days=1)
_WIDTH, _LEFT, _RIGHT = 980, 70, 20
_PANEL, _GAP, _TOP = 170, 46, 64
_STRIPS = 26  # below each panel: when it was said that the promise will be broken, and that it is
_FONT = "font-family='sans-serif' fill='#000'"
_HATCH = (
    "<defs><pattern id='away' width='6' height='6' patternUnits='userSpaceOnUse' patternTransform='rotate(45)'>"
    "<rect width='6' height='6' fill='#eee'/><line x1='0' y1='0' x2='0' y2='6' stroke='#888' stroke-width='1.5'/>"
    "</pattern><pattern id='off' width='5' height='5' patternUnits='userSpaceOnUse'>"
    "<rect width='5' height='5' fill='#f4f4f4'/><circle cx='2' cy='2' r='1' fill='#777'/></pattern></defs>"
)
_WARNED = (ConcernCode.WILL_BE_OVERDUE, ConcernCode.CANNOT_KEEP)
_FILLS = {"away": "url(#away)", "service off": "url(#off)", "budget too small": "#ddd"}


def picture(looks: list[Look], troubles: list[Trouble], max_age: timedelta, target_age: timedelta) -> str:
    """SVG, complete in itself."""
    days = looks[-1].day + 1
    most = max(1.15 * (max_age / _DAY), *(1.05 * _shown(look) for look in looks))
    height = _TOP + len(REPLICAS) * (_PANEL + _GAP + _STRIPS)
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} {height}' role='img'>",
        "<title>The oldest age on three replicas over a simulated year</title>",
        f"{_HATCH}<rect width='{_WIDTH}' height='{height}' fill='#fff'/>",
        *_legend(),
    ]
    for place, name in enumerate(REPLICAS):
        top = _TOP + place * (_PANEL + _GAP + _STRIPS)
        panel = _Panel(top, days, most)
        parts += panel.frame(name, max_age / _DAY, target_age / _DAY)
        parts += panel.shades(one for one in troubles if one.replica in ("", name))
        parts += panel.lines(max_age / _DAY, target_age / _DAY)
        parts += panel.ages([look for look in looks if look.replica == name])
        parts += panel.strips([look for look in looks if look.replica == name])
    return "\n".join([*parts, "</svg>"]) + "\n"


def _shown(look: Look) -> float:
    return look.oldest_that_can_be_read


class _Panel:
    def __init__(self, top: float, days: int, most: float) -> None:
        self._top, self._days, self._most = top, days, most

    def _x(self, day: float) -> float:
        return round(_LEFT + min(max(day, 0.0), self._days) / self._days * (_WIDTH - _LEFT - _RIGHT), 1)

    def _y(self, age: float) -> float:
        return round(self._top + _PANEL * (1 - age / self._most), 1)

    def frame(self, name: str, promised: float, aimed: float) -> Iterator[str]:
        yield (
            f"<rect x='{_LEFT}' y='{self._top}' width='{_WIDTH - _LEFT - _RIGHT}' height='{_PANEL}' fill='none' "
            "stroke='#000' stroke-width='0.7'/>"
        )
        yield _text(_LEFT, self._top - 8, name, size=15, weight="bold")
        for age in (0.0, aimed, promised):
            yield _text(_LEFT - 8, self._y(age) + 4, f"{age:g} d", anchor="end")
        for month in range(1, 25):
            first = START.replace(year=START.year + (month - 1) // 12, month=(month - 1) % 12 + 1)
            day = (first - START) / _DAY
            if day < self._days:
                x, bottom = self._x(day), self._top + _PANEL
                yield f"<line x1='{x}' y1='{bottom}' x2='{x}' y2='{bottom + 4}' stroke='#000'/>"
                yield _text(x + 2, bottom + _STRIPS + 14, f"{first:%b}")

    def shades(self, troubles: Iterable[Trouble]) -> Iterator[str]:
        for one in troubles:
            if one.kind in _FILLS:
                begins, ends = (one.begins - START) / _DAY, (one.ends - START) / _DAY
                x, width = self._x(begins), max(2.0, self._x(ends) - self._x(begins))
                yield f"<rect x='{x}' y='{self._top}' width='{width:.1f}' height='{_PANEL}' fill='{_FILLS[one.kind]}'/>"
            elif one.kind == "clock a day back":
                yield _text(self._x((one.begins - START) / _DAY), self._top + 12, "clock")

    def lines(self, promised: float, aimed: float) -> Iterator[str]:
        for age, dashes, width in ((promised, "none", 2), (aimed, "7 4", 1)):
            yield (
                f"<line x1='{_LEFT}' y1='{self._y(age)}' x2='{_WIDTH - _RIGHT}' y2='{self._y(age)}' stroke='#000' "
                f"stroke-dasharray='{dashes}' stroke-width='{width}'/>"
            )

    def ages(self, looks: list[Look]) -> Iterator[str]:
        points = " ".join(f"{self._x(look.day + 0.75)},{self._y(_shown(look))}" for look in looks)
        yield f"<polyline points='{points}' fill='none' stroke='#fff' stroke-width='4.5'/>"
        yield f"<polyline points='{points}' fill='none' stroke='#000' stroke-width='2.2'/>"

    def strips(self, looks: list[Look]) -> Iterator[str]:
        """Below the panel: a grey bar for what was foretold, a black one for what was overdue."""
        bottom = self._top + _PANEL + 6
        for look in looks:
            x, width = self._x(look.day), max(1.5, self._x(look.day + 1) - self._x(look.day))
            if look.concerns & set(_WARNED):
                yield f"<rect x='{x}' y='{bottom}' width='{width:.1f}' height='6' fill='#999'/>"
            if ConcernCode.OVERDUE in look.concerns:
                yield f"<rect x='{x}' y='{bottom + 9}' width='{width:.1f}' height='9' fill='#000'/>"


def _legend() -> Iterator[str]:
    items = [
        ("<line x1='0' y1='6' x2='26' y2='6' stroke='#000' stroke-width='2.2'/>", "oldest that can be read"),
        ("<line x1='0' y1='6' x2='26' y2='6' stroke='#000' stroke-dasharray='7 4'/>", "target"),
        ("<rect width='26' height='12' fill='url(#away)'/>", "away"),
        ("<rect width='26' height='12' fill='url(#off)'/>", "service off"),
        ("<rect width='26' height='12' fill='#ddd'/>", "budget too small"),
        ("<rect y='3' width='26' height='6' fill='#999'/>", "breach foretold"),
        ("<rect y='2' width='26' height='9' fill='#000'/>", "overdue said"),
    ]
    x = _LEFT
    for shape, label in items:
        yield f"<g transform='translate({x},14)'>{shape}</g>{_text(x + 32, 24, label)}"
        x += 46 + round(6.3 * len(label))


def _text(x: float, y: float, said: str, *, size: int = 12, anchor: str = "start", weight: str = "normal") -> str:
    return (
        f"<text x='{x}' y='{y}' {_FONT} font-size='{size}' text-anchor='{anchor}' "
        f"font-weight='{weight}'>{escape(said)}</text>"
    )

"""Draws the README's pictures out of a demonstration's workspace: `python docs/pictures/draw.py preserve-demo`."""

import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path

from rich.console import Console, RenderableType

import config
from preserve.app.file_views import drift_view
from preserve.app.status import status_view
from preserve.app.workspace import Workspace
from reports import drift, status

HERE = Path(__file__).parent
_WIDTH = 104  # columns

# The picture names no font of a server: whoever looks at it needs nothing from elsewhere.
_FORMAT = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, "DejaVu Sans Mono", "Noto Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def draw(name: str, title: str, *parts: RenderableType) -> None:
    console = Console(record=True, width=_WIDTH, file=StringIO(), force_terminal=True, color_system="truecolor")
    for part in parts:
        console.print(part)
    svg = console.export_svg(title=title, code_format=_FORMAT, unique_id=name)
    (HERE / f"{name}.svg").write_text(svg, encoding="utf-8")


def main(folder: Path) -> None:
    with Workspace(config.load(folder / "preserve.toml")) as workspace:
        seen = replace(status_view(workspace, limit=10), findings=(), total_findings=0)
        seen = replace(seen, replicas=tuple(replace(r, url=f"replicas/{r.name}") for r in seen.replicas))
        drifted = drift_view(workspace)
        draw("status", "preserve status", status.as_text(seen))
        shown = [replace(line, source=f"bags/{line.package}") for line in drifted.lines[:5] if line.size_bytes]
        drifted = replace(drifted, lines=tuple(shown), findings=(), total_findings=0)
        draw("drift", "preserve report drift", drift.as_text(drifted))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

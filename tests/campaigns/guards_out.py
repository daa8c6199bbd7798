"""Takes the guard against each false green out, one after the other, and shows what would then be green.

As a script: `python -m tests.campaigns.guards_out`; with `--page`, the table of docs/false-greens.md. Exit status 1: a
scenario fails although its guard stands, or does not fail when it is out.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.fault.false_greens.stage import LIE, Guard, Scenario, make_archive, staged
from tests.fault.false_greens.test_guards import GUARDS, SCENARIOS, page_rows
from tests.support.workspaces import PlacedWorkspace


class Campaign:
    """Plays scenarios, each on a stage of its own in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._archive: PlacedWorkspace = make_archive(folder / "archive")
        self._numbers = count(1)

    def rows(self) -> Iterator[tuple[str, str, str, str]]:
        """The false green, who had it, the guard, and whether the scenario fails without it."""
        for name, one in GUARDS.items():
            stands = self._told(SCENARIOS[name], None)
            for guard in one.guards:
                told = "fails although it stands" if stands else self._without(SCENARIOS[name], guard)
                yield name.removeprefix("test_").replace("_", " "), one.who, guard.words, told

    def _without(self, scenario: Scenario, guard: Guard) -> str:
        told = self._told(scenario, guard)
        return "yes" if LIE in told else f"no: {told or 'it passes'}"

    def _told(self, scenario: Scenario, guard: Guard | None) -> str:
        """Empty if the scenario passes, else what it says."""
        with staged(self._archive, self._folder / f"{next(self._numbers)}") as stage:
            if guard is not None:
                guard.out(stage)
            try:
                scenario(stage)
            except AssertionError as error:
                return str(error) or "an assertion"
            except Exception as error:  # noqa: BLE001  whatever it is, it is not what was to be shown
                return f"{type(error).__name__}: {error}"
        return ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", action="store_true", help="only the table of docs/false-greens.md; nothing is played")
    if parser.parse_args().page:
        print("\n".join(page_rows()))
        return 0
    table = Table("false green", "who had it", "guard", "fails without it")
    with tempfile.TemporaryDirectory() as folder:
        rows = list(Campaign(Path(folder)).rows())
    for row in rows:
        table.add_row(*row)
    Console(width=160).print(table)
    wrong = [row for row in rows if row[3] != "yes"]
    print(f"{len(rows)} guards of {len(GUARDS)} false greens, {len(wrong)} without effect")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())

"""Each false green is tried with its guard taken out: then the scenario has to fail, or it proves nothing."""

from pathlib import Path
from types import ModuleType

import pytest

from tests.fault.false_greens import test_choosing, test_mending, test_reading, test_telling, test_threats
from tests.fault.false_greens.stage import LIE, FalseGreen, Guard, Stage

MODULES: tuple[ModuleType, ...] = (test_telling, test_reading, test_choosing, test_mending, test_threats)
GUARDS: dict[str, FalseGreen] = {name: one for module in MODULES for name, one in module.GUARDS.items()}
SCENARIOS = {name: getattr(module, name) for module in MODULES for name in module.GUARDS}
_OUT = [
    pytest.param(name, guard, id=f"{name}-{n}") for name, one in GUARDS.items() for n, guard in enumerate(one.guards)
]


def page_rows() -> list[str]:
    """The table of docs/false-greens.md, a row for each scenario."""
    rows = []
    for name, one in GUARDS.items():
        module = SCENARIOS[name].__module__.rpartition(".")[2]
        guards = "; ".join(guard.words for guard in one.guards)
        rows.append(f"| {one.happened} ({one.who}) | {guards} | `{module}`: `{name}` |")
    return rows


@pytest.mark.parametrize(("name", "guard"), _OUT)
def test_a_scenario_fails_when_its_guard_is_out(stage: Stage, name: str, guard: Guard) -> None:
    guard.out(stage)
    with pytest.raises(AssertionError, match=LIE):
        SCENARIOS[name](stage)


def test_every_scenario_has_a_guard() -> None:
    found = {name for module in MODULES for name in vars(module) if name.startswith("test_")}
    assert found == GUARDS.keys()


def test_the_page_tells_of_each_of_them() -> None:
    page = (Path(__file__).parents[3] / "docs/false-greens.md").read_text("utf-8")
    missing = [row for row in page_rows() if row not in page]
    assert not missing, "`python -m tests.campaigns.guards_out --page` gives the table"

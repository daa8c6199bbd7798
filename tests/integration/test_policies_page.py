"""docs/policies.md and the example file say what the program takes: each key, where it may stand, and its default."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import config
from checks.policy import PASSES, Limit, Urgency
from config import raw

PAGE = (Path(__file__).parents[2] / "docs/policies.md").read_text(encoding="utf-8")
FILE = Path("/archive/preserve.toml")
EXAMPLES = re.findall(r"^```toml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def tables() -> Iterator[list[list[str]]]:
    """The tables of settings on the page: rows of cells, the heading first."""
    for block in re.findall(r"(?:^\|.*\|\n)+", PAGE, re.MULTILINE):
        rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in block.splitlines()]
        if rows[0][:3] == ["key", "unit", "default"]:
            yield [rows[0], *rows[2:]]


def keys(table: list[list[str]]) -> list[str]:
    return [row[0].strip("`") for row in table[1:]]


def test_each_key_may_stand_where_the_page_says_and_nowhere_else() -> None:
    table = next(tables())
    assert table[0][3:6] == ["`[audit]`", "`[replica]`", "`[collection]`"]
    for row in table[1:]:
        for heading, cell in zip(table[0][3:6], row[3:6], strict=True):
            assert (row[0].strip("`") in raw.SECTIONS[heading.strip("`[]")]) == (cell == "x"), (row[0], heading)


def test_every_key_is_on_the_page_and_the_page_has_no_other() -> None:
    policies, *others = tables()
    common = set(keys(policies))
    assert common >= set(raw.SECTIONS["audit"]) | set(raw.SECTIONS["collection"])
    sections = [set(keys(table)) for table in others]
    assert sections == [
        set(raw.SECTIONS["replica"]) - common,
        *(set(raw.SECTIONS[name]) for name in ("alerts", "serve", "catalog", "repair")),
    ]


def test_the_defaults_on_the_page_change_nothing_when_they_are_written() -> None:
    policies, _, alerts, serve, catalog, repair = tables()
    lines: list[str] = []
    for name, table in (
        ("audit", policies), ("alerts", alerts), ("serve", serve), ("catalog", catalog), ("repair", repair)
    ):  # fmt: skip
        lines.append(f"[{name}]")
        lines += [f"{row[0].strip('`')} = {row[2].strip('`')}" for row in table[1:] if row[2].startswith("`")]
        lines += ["target_age = '60d'"] if name == "audit" else []
    assert sum("=" in line for line in lines) == 12
    assert config.parse("\n".join(lines), FILE) == config.parse("", FILE)


def test_what_is_written_as_an_example_of_a_value_is_taken() -> None:
    for key, value in (
        ("max_age", '"2w"'), ("budget", '["1.5TiB", "45s"]'), ("rate", '"50MB/s"'), ("every", '"0 2 * * *"'),
        ("hours", '["22:00-06:00", "sat,sun 00:00-24:00", "mon-fri 12:00-13:00"]'), ("hours", '["00:00-24:00"]'),
        ("hours", '["fri 22:00-06:00"]'),
    ):  # fmt: skip
        assert all(part in PAGE for part in re.findall('"[^"]+"', value))
        every = '\nevery = "0 23 * * *"' if key == "hours" else ""
        config.parse(f"[audit]\n{key} = {value}{every}", FILE)


@pytest.mark.parametrize("text", EXAMPLES)
def test_each_example_on_the_page_loads(text: str) -> None:
    settings = config.parse(text, FILE)
    assert len(settings.replicas) == 2 and len(settings.collections) == 1


def test_the_examples_come_to_what_the_page_says_of_them() -> None:
    archivist, department = (config.parse(text, FILE) for text in EXAMPLES)
    assert archivist.promise("Photographs", "nas").max_age.days == 60
    assert archivist.promise("Photographs", "safe").max_age.days == 365
    first, second = department.limits("array-a"), department.limits("array-b")
    assert first.rate_bytes_per_second is not None and second.rate_bytes_per_second is not None
    assert first.rate_bytes_per_second * 10 * 3600 == 7.2e12 and first.budget_bytes == 6 * 10**12
    open_minutes = sum(
        any(window.holds(day, minute) for window in second.hours) for day in range(7) for minute in range(1440)
    )
    assert open_minutes == 92 * 60
    assert round(second.rate_bytes_per_second * open_minutes * 60 / 1e12) == 33
    assert department.promise("", "array-b").evidence == "read"


def test_what_an_urgency_passes_is_what_the_program_lets_it_pass() -> None:
    rows = re.findall(r"^\| ([A-Z_]+) \|.*\| (yes|no) \| (yes|no) \| (yes|no) \|$", PAGE, re.MULTILINE)
    assert [name for name, *_ in rows] == [each.name for each in sorted(Urgency, reverse=True)]
    for name, *passes in rows:
        limits = (Limit.HOURS, Limit.BUDGET, Limit.BACK_OFF)
        assert passes == ["yes" if limit in PASSES[Urgency[name]] else "no" for limit in limits]


def test_every_setting_stands_in_the_example_file_with_a_comment() -> None:
    lines = config.example().splitlines()
    shown = {match[1] for line in lines if (match := re.match(r"(?:# )?([a-z_]+) = ", line))}
    assert shown == {"organization", *(key for fields in raw.SECTIONS.values() for key in fields)}

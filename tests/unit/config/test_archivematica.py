"""`[archivematica]`: what it takes, and what is refused with its line."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from config import Settings, SettingsError, parse, raw
from config.addresses import SecretSource

WHOLE = ('url = "https://storage.example.org:8000/"', 'user = "archivist"', 'secret = "file:key"')
HERE = Path("/srv/archive/preserve.toml")


def read(*lines: str) -> Settings:
    return parse("\n".join(["[archivematica]", *lines]), HERE)


def test_without_the_table_there_is_no_storage_service() -> None:
    assert parse("", HERE).archivematica is None


def test_a_whole_table_is_read() -> None:
    section = read(*WHOLE, 'command = "bin/fixity"', 'timeout = "2h"').archivematica
    assert section is not None
    assert (section.url, section.user) == ("https://storage.example.org:8000", "archivist")
    assert section.secret == SecretSource("file", "/srv/archive/key")
    assert section.command == Path("/srv/archive/bin/fixity") and section.timeout == timedelta(hours=2)


def test_the_address_of_the_api_is_taken_for_the_services() -> None:
    section = read('url = "http://localhost:8000/storage/api/v2/"', *WHOLE[1:]).archivematica
    assert section is not None and section.url == "http://localhost:8000/storage"


@pytest.mark.parametrize("name", ["url", "user", "secret"])
def test_what_is_missing_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=f"needs the setting `{name}`") as told:
        read(*(line for line in WHOLE if not line.startswith(name)))
    assert told.value.line == 1 and told.value.remedy


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ('url = "ftp://storage.example.org"', 2),
        ('url = "https://archivist:hidden@storage.example.org"', 2),
        ('url = "https://storage.example.org/?api_key=hidden"', 2),
        ('url = "https://storage.example.org:0"', 2),
        ('url = "https://storage.example.org:99999"', 2),
        ('url = "storage.example.org"', 2),
        ('url = "https://[::1"', 2),
        ('user = "a:b"', 3),
        ('user = ""', 3),
        ('secret = "hidden"', 4),
    ],
)
def test_what_cannot_be_meant_is_refused_and_not_repeated(wrong: str, line: int) -> None:
    key = wrong.partition(" ")[0]
    with pytest.raises(SettingsError) as told:
        read(*(wrong if each.startswith(key) else each for each in WHOLE))
    assert told.value.line == line and "hidden" not in str(told.value) + told.value.remedy


@pytest.mark.parametrize("wrong", ['timeout = "soon"', "timeout = 6", 'command = "~/fixity"', 'comand = "fixity"'])
def test_other_mistakes_have_their_line(wrong: str) -> None:
    with pytest.raises(SettingsError) as told:
        read(*WHOLE, wrong)
    assert told.value.line == 5 and told.value.remedy


def test_a_key_in_the_settings_is_refused_with_the_place_for_it() -> None:
    with pytest.raises(SettingsError, match="secret") as told:
        read(*WHOLE, 'api_key = "hidden"')
    assert "hidden" not in str(told.value) and "secret =" in told.value.remedy


def test_the_page_has_each_setting_and_the_default() -> None:
    page = (Path(__file__).parents[3] / "docs/archivematica.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z]+)` \| [^|]+ \| ([^|]+) \|$", page, re.MULTILINE)
    settings = {name: default for name, default in rows if name in raw.SECTIONS["archivematica"]}
    assert set(settings) == set(raw.SECTIONS["archivematica"])
    assert settings["timeout"].strip("`") == f'"{raw.Archivematica().timeout}"'

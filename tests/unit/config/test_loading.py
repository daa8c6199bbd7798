"""The settings file: what it means, and what is said of what it cannot mean."""

import os
import re
from datetime import timedelta
from pathlib import Path

import pytest

import config
from config import SettingsError

FILE = Path("/archive/preserve.toml")


def refused(text: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        config.parse(text, FILE)
    assert caught.value.path == FILE
    assert caught.value.remedy, "every mistake is told with what to do about it"
    return caught.value


def test_an_empty_file_has_the_defaults() -> None:
    settings = config.parse("", FILE)
    assert settings.catalog.path == Path("/archive/catalog.sqlite")
    assert settings.audit.every.interval == timedelta(days=1)
    assert (settings.audit.max_age, settings.audit.target_age) == (timedelta(days=90), timedelta(days=60))
    assert settings.audit.evidence == "read"
    assert settings.audit.threads is None and settings.audit.minimum_copies is None
    assert settings.replicas == {} and settings.organization is None


def test_the_example_loads_and_says_the_defaults() -> None:
    example, empty = config.parse(config.example(), FILE), config.parse("", FILE)
    assert example == empty


def test_the_examples_commented_settings_load_too() -> None:
    lines = [re.sub(r"^# (?=\[|[a-z_]+ = )", "", line) for line in config.example().splitlines()]
    settings = config.parse("\n".join(lines), FILE)
    assert list(settings.replicas) == ["nas", "vault", "cloud", "partner"]
    assert settings.replicas["cloud"].write_rate_bytes_per_second == 20 * 10**6
    assert list(settings.collections) == ["Glass plates"]
    assert settings.limits("nas").budget_bytes == 200 * 10**9
    assert settings.alerts.urls_file == Path("/archive/alert-urls")
    assert settings.serve.metrics == ("127.0.0.1", 9108)
    assert settings.replicas["vault"].offline
    assert (settings.audit.threads, settings.audit.minimum_copies) == (2, 3)


def test_everything_can_be_set() -> None:
    settings = config.parse(
        """
        organization = "សារមន្ទីរ"
        catalog.path = "state/c.sqlite"
        [audit]
        every = "0 2 * * *"
        max_age = "30d"
        evidence = "read-medium"
        [replica.nas-1]
        url = "copies/nas"
        medium = "disk"
        site = "Phnom Penh"
        offline = true
        """,
        FILE,
    )
    assert settings.audit.every.cron == "0 2 * * *"
    assert settings.audit.target_age == timedelta(days=20), "two thirds of the promise"
    assert settings.replicas["nas-1"].root == b"/archive/copies/nas"
    assert settings.catalog.path == Path("/archive/state/c.sqlite")


def test_all_unknown_keys_are_told_at_once_with_their_lines_and_what_was_meant() -> None:
    error = refused('[audit]\nmax_aeg = "1d"\n\n[replica.nas]\nulr = "/x"\n\n[replicas.b]\nurl = "/y"\n')
    assert error.line == 2
    for told in ("line 2: audit.max_aeg (did you mean max_age?)", "line 5: replica.nas.ulr", "did you mean replica?"):
        assert told in error.message


def test_one_unknown_key_has_its_own_sentence() -> None:
    error = refused('\n[audit]\nmax_aeg = "1d"\n')
    assert (error.line, error.message, error.remedy) == (
        3,
        "audit.max_aeg is not a known setting",
        "did you mean max_age?",
    )
    assert str(error) == "/archive/preserve.toml:3: audit.max_aeg is not a known setting"


def test_a_key_in_the_wrong_table_is_told_where_it_belongs() -> None:
    assert refused('max_age = "1d"').remedy == 'it belongs under [audit], [replica.NAME] or [collection."NAME"]'
    assert refused("[catalog]\nthreads = 2").remedy == "it belongs under [audit]"
    budget = refused('[audit]\n[collection."Maps of 1975"]\nbudget = "2GB"')
    assert (budget.line, budget.remedy) == (3, "it belongs under [audit] or [replica.NAME]")
    assert budget.message == 'collection."Maps of 1975".budget means nothing below [collection."NAME"]'


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("[audit]\nmax_age = 9", 2, "text in quotes"),
        ('[audit]\nthreads = "two"', 2, "whole number"),
        ("[audit]\nthreads = 0", 2, ">= 1"),
        ("[audit]\nthreads = true", 2, "whole number"),
        ('[audit]\nevidence = "listed"', 2, "listed"),
        ('[audit]\nmax_age = "90 years"', 2, "length of time"),
        ('[audit]\nmax_age = "0d"', 2, "no time at all"),
        ('[audit]\nmax_age = "999999d"', 2, "century"),
        ('[audit]\nevery = "0 25 * * *"', 2, "hour"),
        ('[audit]\nevery = "now and then"', 2, "neither"),
        ('[audit]\n\ntarget_age = "91d"', 3, "longer than max_age"),
        ("audit = 3", 1, "table"),
        ('[replica]\nurl = "/x"', 2, "table"),
        ('[replica.nas]\nsite = "x"', 1, "url"),
        ('[replica.nas]\nurl = "/x"\noffline = "yes"', 3, "true or false"),
        ('[replica."a b"]\nurl = "/x"', 1, "name of a replica"),
        ('[replica.nas]\nurl = "/x"\nsite = "a\\nb"', 3, "control"),
        ('[catalog]\npath = ""', 2, "file name"),
        ('organization = "a\\u0007b"', 1, "control"),
        ('[replica.a]\nurl = "x"\n[replica.b]\nurl = "./x/"', 4, "same folder"),
        ("a = 1\na = 2", 2, "second time"),
        ("[audit]\n[catalog]\n[audit]", 3, "second time"),
        ('organization = "', 1, "not TOML"),
        ("\n\nnonsense", 3, "not TOML"),
        ("x = " + "9" * 5000, None, "not TOML"),
        ("x = " + "[" * 5000 + "]" * 5000, None, "nested"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_line(text: str, line: int | None, says: str) -> None:
    error = refused(text)
    assert error.line == line
    assert says in error.message


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ftp://key:secret@host/x", "not a place that replicas can be at"),
        ("user@host:/srv", "another machine"),
        ("file://server/share", "another machine"),
        ("file:relative", "no whole path"),
        ("file:///a?b", "no whole path"),
        ("file:///a%zz", "hexadecimal"),
        ("file:///a%00", "NUL"),
        ("~/copies", "not expanded"),
        ("", "must be a folder"),
    ],
)
def test_a_url_that_is_no_folder_is_refused(url: str, says: str) -> None:
    error = refused(f'[replica.a]\nurl = "{url}"')
    assert error.line == 2
    assert says in error.message
    assert "secret" not in str(error) + error.remedy


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("/mnt/nas", b"/mnt/nas"),
        ("copies/100%", b"/archive/copies/100%"),
        ("file:///mnt/%E1%9E%80%FF", b"/mnt/\xe1\x9e\x80\xff"),
        ("file://localhost/mnt", b"/mnt"),
        ("/mnt/ភ្នំពេញ", "/mnt/ភ្នំពេញ".encode()),
        ("./a:b", b"/archive/a:b"),
    ],
)
def test_a_url_becomes_a_folder(url: str, root: bytes) -> None:
    found = config.parse(f"[replica.a]\nurl = '{url}'", FILE).replicas["a"].root
    assert os.path.normpath(found) == root


def test_a_file_that_is_not_utf_8_is_refused_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "preserve.toml"
    path.write_bytes(b'# a\n# b\norganization = "caf\xe9"\n')
    with pytest.raises(SettingsError, match="not UTF-8") as caught:
        config.load(path)
    assert caught.value.line == 3


def test_a_byte_order_mark_and_windows_lines_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "preserve.toml"
    path.write_bytes(b'\xef\xbb\xbforganization = "a"\r\n[audit]\r\nmax_aeg = "1d"\r\n')
    with pytest.raises(SettingsError, match="max_aeg") as caught:
        config.load(path)
    assert caught.value.line == 3


def test_a_folder_in_place_of_the_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        config.load(tmp_path)


class TestFind:
    def test_the_nearest_file_above(self, tmp_path: Path) -> None:
        (tmp_path / "preserve.toml").touch()
        (tmp_path / "a" / "b").mkdir(parents=True)
        assert config.find(tmp_path / "a" / "b", None, {}) == tmp_path / "preserve.toml"

    def test_the_option_before_the_variable_before_the_folder(self, tmp_path: Path) -> None:
        for name in ("preserve.toml", "option.toml", "variable.toml"):
            (tmp_path / name).touch()
        environ = {"PRESERVE_CONFIG": str(tmp_path / "variable.toml")}
        assert config.find(tmp_path, "option.toml", environ) == tmp_path / "option.toml"
        assert config.find(tmp_path, None, environ) == tmp_path / "variable.toml"
        assert config.find(tmp_path, None, {"PRESERVE_CONFIG": ""}) == tmp_path / "preserve.toml"

    def test_a_named_file_that_is_not_there_is_never_replaced_by_another(self, tmp_path: Path) -> None:
        (tmp_path / "preserve.toml").touch()
        with pytest.raises(SettingsError, match="no such settings file"):
            config.find(tmp_path, "gone.toml", {})

    def test_none_at_all_tells_how_to_make_one(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError) as caught:
            config.find(tmp_path, None, {})
        assert "preserve init" in caught.value.remedy


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_what_is_no_file_keeps_nobody_waiting(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "preserve.toml"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(SettingsError, match="is no file"):
        config.load(path)


def test_a_file_of_any_size_is_not_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "preserve.toml"
    path.touch()
    os.truncate(path, 200 << 30)
    with pytest.raises(SettingsError, match="too large"):
        config.load(path)


@pytest.mark.parametrize(
    "line",
    [
        '[audit]\nmax_age = "%s"',
        '[audit]\nevidence = "%s"',
        '[audit]\ntime_zone = "%s"',
        '[audit]\nevery = "%s"',
        '[audit]\nhours = "%s"',
        '[audit]\nbudget = "%s"',
        '[audit]\nrate = "%s"',
        '[audit]\nmax_age = "9d"\ntarget_age = "10d%s"',
        '[alerts]\nurls_file = "~%s"',
        '[alerts]\ndigest = "%s"',
        '[serve]\nmetrics = "%s"',
        '[replica."%s"]\nurl = "/x"',
        '"%s" = 1',
        '[audit."%s"]',
    ],
)
def test_no_value_however_long_or_strange_rules_the_screen(line: str) -> None:
    strange = refused(line % "9\\u001b[2J\\u202e\\u0085").message
    assert strange.isprintable(), strange
    told = refused(line % ("x" * 100_000))
    assert len(str(told)) < 500 and len(told.remedy) < 500


def test_khmer_words_in_a_message_stay_words() -> None:
    assert "ទំព័រ\u200bមួយ" in refused('[audit]\nmax_age = "ទំព័រ\u200bមួយ"').message


def test_what_an_empty_line_promises_is_asked_and_not_guessed() -> None:
    for line in ('max_age = ""', 'target_age = ""', 'grace = ""', 'every = ""'):
        error = refused(f"[audit]\n{line}")
        assert error.line == 2 and '""' in error.message


def test_a_number_of_files_is_one_that_can_be() -> None:
    assert refused("[repair]\nmass_change_files = 99999999999999999999").line == 2
    assert config.parse("[repair]\nmass_change_files = 1000000", FILE).repair.mass_change_files == 1_000_000


def test_a_password_in_the_address_of_metrics_is_not_repeated() -> None:
    error = refused('[serve]\nmetrics = "user:s3cret@127.0.0.1:9108"')
    assert "s3cret" not in f"{error} {error.remedy}" and error.line == 2


@pytest.mark.parametrize("zone", ["Factory", "localtime", "right/UTC", "posix/Asia/Phnom_Penh", "posixrules"])
def test_a_time_zone_is_a_place(zone: str) -> None:
    error = refused(f'[audit]\ntime_zone = "{zone}"')
    assert error.line == 2 and "Asia/Phnom_Penh" in error.remedy


@pytest.mark.parametrize(
    ("text", "says", "remedy"),
    [
        ("[collection.សំបុត្រ]\n", "is not TOML", '[collection."សំបុត្រ"]'),
        ('[audit]\nmax_age = "90d\n', "is not TOML", "a quote is missing"),
        ('[audit]\nmax_age = "9d"\nmax_age = "8d"\n', "max_age is set a second time", "keep one of the two"),
        ("[audit]\n[audit]\n", "[audit] is set a second time", "keep one of the two"),
        ('[audit]\nmax_age = "3m"\n', "longer than max_age", 'm is minutes: 3 months are "90d"'),
        ('[audit]\nevery = "0d"\n', '"0d" is no time at all', "such as"),
    ],
)
def test_what_a_beginner_writes_is_told_with_what_was_meant(text: str, says: str, remedy: str) -> None:
    with pytest.raises(SettingsError) as caught:
        config.loading.parse(text, Path("preserve.toml"))
    assert says in str(caught.value) and remedy in caught.value.remedy

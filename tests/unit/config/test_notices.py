"""Whom to tell and where figures are served; secrets stay out of the settings and out of what is said of them."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

import config
from config import SettingsError, secret_lines

FILE = Path("/archive/preserve.toml")


def refused(text: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        config.parse(text, FILE)
    assert caught.value.line and caught.value.remedy
    return caught.value


def test_files_of_addresses_stand_beside_the_settings() -> None:
    alerts = config.parse(
        '[alerts]\nurls_file = "urls"\nping_url_file = "/etc/p"\ndigest = "7:30"\nrepeat = "2d"', FILE
    ).alerts
    assert (alerts.urls_file, alerts.ping_url_file) == (Path("/archive/urls"), Path("/etc/p"))
    assert (alerts.digest_minute, alerts.repeat) == (450, timedelta(days=2))


def test_without_lines_nobody_is_told_and_nothing_is_served() -> None:
    settings = config.parse("", FILE)
    assert (settings.alerts.urls_file, settings.alerts.ping_url_file) == (None, None)
    assert (settings.alerts.digest_minute, settings.alerts.repeat) == (480, timedelta(days=1))
    assert (settings.serve.metrics, settings.serve.metrics_open) == (None, False)


@pytest.mark.parametrize(
    ("line", "says", "remedy"),
    [
        ('urls = ["mailto://u:secret@x"]', "do not belong into the settings", "PRESERVE_ALERT_URLS"),
        ('ping_url = "https://x/secret"', "do not belong into the settings", "PRESERVE_PING_URL"),
        ('urls_file = "mailto://u:secret@x"', "must be the name of a file", "mode 600"),
        ('urls_file = "~/urls"', "name of a file", "whole path"),
        ('urls_file = ""', "name of a file", "whole path"),
        ('digest = "24:00"', "time of day", "08:00"),
        ("digest = 08:00:00", "a time without quotes", "in quotes"),
        ('repeat = "often"', "length of time", "6h"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_no_secret_is_repeated(line: str, says: str, remedy: str) -> None:
    error = refused(f"[alerts]\n{line}\n")
    assert error.line == 2
    assert says in error.message and remedy in error.remedy
    assert "secret@" not in str(error) + error.remedy and "x/secret" not in str(error) + error.remedy


def test_a_secret_is_not_repeated_among_other_mistakes() -> None:
    error = refused('[alerts]\nurls = ["mailto://u:secret@x"]\n[audit]\nmax_aeg = 1\n')
    assert "PRESERVE_ALERT_URLS" in error.message and "secret@" not in str(error)


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:9108", ("127.0.0.1", 9108)), ("[::1]:80", ("::1", 80)), ("localhost:65535", ("localhost", 65535))],
)
def test_figures_are_served_to_this_machine(text: str, address: tuple[str, int]) -> None:
    assert config.parse(f'[serve]\nmetrics = "{text}"', FILE).serve.metrics == address


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "192.168.1.2", "archive.example.org", "localhost.example.org"])
def test_figures_are_served_to_others_only_where_that_is_said(host: str) -> None:
    text = f'[serve]\nmetrics = "{host}:9108"\n'
    error = refused(text)
    assert error.line == 2 and "metrics_open = true" in error.remedy
    assert config.parse(text + "metrics_open = true\n", FILE).serve.metrics == (host.strip("[]"), 9108)


@pytest.mark.parametrize(
    "text", ["9108", ":9108", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "http://127.0.0.1:9", "::1:9"]
)
def test_what_is_no_address_and_port_is_refused(text: str) -> None:
    assert "not an address and a port" in refused(f'[serve]\nmetrics = "{text}"').message


class TestSecretLines:
    def test_comments_and_empty_lines_are_left_out(self, tmp_path: Path) -> None:
        path = tmp_path / "urls"
        path.write_bytes("\ufeff# all\r\nmailto://a\r\n\r\n  https://b#c  \n \t# no\n".encode())
        path.chmod(0o600)
        assert secret_lines(path) == ["mailto://a", "https://b#c"]

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o601, 0o644])
    def test_a_file_that_others_may_read_or_change_is_refused(self, tmp_path: Path, mode: int) -> None:
        path = tmp_path / "my urls"
        path.write_text("mailto://u:secret@x\n")
        path.chmod(mode)
        with pytest.raises(SettingsError) as caught:
            secret_lines(path)
        assert caught.value.path == path
        assert caught.value.remedy == f"chmod 600 '{path}'"
        assert "secret@" not in str(caught.value)
        path.chmod(0o400)
        assert secret_lines(path) == ["mailto://u:secret@x"]

    def test_what_is_not_there_or_no_file_is_told(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe", 0o600)
        for name in ("gone", ".", "pipe"):
            with pytest.raises(SettingsError) as caught:
                secret_lines(tmp_path / name)
            assert caught.value.path == tmp_path / name and caught.value.remedy

    def test_what_is_not_text_or_too_long_is_told(self, tmp_path: Path) -> None:
        path = tmp_path / "urls"
        for data, says in ((b"a\nb\xff", "not UTF-8"), (b"a" * 1_048_577, "too large")):
            path.write_bytes(data)
            path.chmod(0o600)
            with pytest.raises(SettingsError, match=says):
                secret_lines(path)

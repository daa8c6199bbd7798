"""The entry: every end of a run is one clear message and one exit status; help needs no command's module."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import rich_click as click
from rich.text import Text

from checks.ports import UnavailableError
from config import SettingsError
from preserve import __version__
from preserve.cli import output
from preserve.cli.exits import OUTCOMES, status_of
from preserve.cli.lazy import Lazy
from preserve.cli.main import main, preserve_command
from preserve.cli.options import Invocation, config_option, json_option, pass_invocation
from preserve.errors import CatalogError, UndeterminedError, UsageError

Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs `preserve try [ARGUMENTS]` with the given body."""

    def runner(body: Callable[[Invocation, bool], object], *arguments: str) -> int:
        @click.command("try")
        @config_option
        @json_option
        @pass_invocation
        def try_command(invocation: Invocation, as_json: bool) -> object:
            return body(invocation, as_json)

        module = ModuleType("preserve_trying")
        module.try_command = try_command  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "preserve_trying", module)
        monkeypatch.setitem(preserve_command.lazy, "try", Lazy("preserve_trying:try_command", "tries"))
        before, _, after = " ".join(arguments).partition("--- ")
        return main([*before.split(), "try", *after.split()] if after else ["try", *arguments])

    yield runner


def raising(error: BaseException) -> Callable[[Invocation, bool], object]:
    def body(*_: object) -> object:
        raise error

    return body


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (
            UsageError("no such package", remedy="see `preserve status`"),
            2,
            "error: no such package\n       see `preserve",
        ),
        (SettingsError("bad", Path("/p.toml"), 3, "write it so"), 2, "error: /p.toml:3: bad\n       write it so"),
        (CatalogError("the catalog is busy"), 2, "the catalog is busy"),
        (UndeterminedError("the disk is full"), 3, "the disk is full"),
        (UnavailableError("gone"), 3, "gone"),
        (OSError(28, "No space left on device", "/x\x1b[31m[red]"), 3, "/x\\x1b[31m[red]: No space left on device"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (click.Abort(), 130, "interrupted"),
        (click.UsageError("what?"), 2, "what?"),
        (click.ClickException("no"), 2, "no"),
        (
            ZeroDivisionError("by [b]zero[/b]"),
            3,
            "internal error: ZeroDivisionError: by [b]zero[/b]\n       please report it",
        ),
    ],
)
def test_each_error_has_one_message_and_one_status(
    run: Run, capfd: pytest.CaptureFixture[str], error: BaseException, status: int, told: str
) -> None:
    assert run(raising(error)) == status == status_of(error)
    out, err = capfd.readouterr()
    assert out == ""
    assert told in err
    assert "Traceback" not in err


def test_the_traceback_is_shown_when_asked_for(
    run: Run, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRESERVE_DEBUG", "1")
    assert run(raising(ZeroDivisionError())) == 3
    assert "Traceback" in capfd.readouterr().err


@pytest.mark.parametrize(("returned", "status"), [(None, 0), (0, 0), (1, 1), (3, 3)])
def test_a_command_returns_its_status(run: Run, returned: int | None, status: int) -> None:
    assert run(lambda *_: returned) == status


def test_outcomes_have_the_documented_statuses() -> None:
    assert {outcome.value: status for outcome, status in OUTCOMES.items()} == {"pass": 0, "fail": 1, "inconclusive": 3}


def test_json_is_one_document_even_when_the_run_fails(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(raising(UndeterminedError("gone", remedy="look")), "--json") == 3
    document = json.loads(capfd.readouterr().out)
    assert document["outcome"] == "inconclusive" and document["findings"] == []
    assert document["error"] == {"message": "gone", "remedy": "look", "exit_status": 3}


def test_json_is_not_printed_twice(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    def body(*_: object) -> object:
        output.print_json({"outcome": "pass"})
        raise UndeterminedError("then the disk went away")

    assert run(body, "--json") == 3
    assert json.loads(capfd.readouterr().out) == {"outcome": "pass"}


@pytest.mark.parametrize("arguments", [("--config /a/b.toml ---", "--json"), ("--config", "/a/b.toml")])
def test_the_settings_file_can_be_named_before_or_after_the_command(run: Run, arguments: tuple[str, ...]) -> None:
    seen: list[str | None] = []
    assert run(lambda invocation, _: seen.append(invocation.explicit_config), *arguments) == 0
    assert seen == ["/a/b.toml"]


def test_settings_are_found_and_read(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PRESERVE_CONFIG", raising=False)
    assert run(lambda invocation, _: invocation.settings() and 0) == 2
    (tmp_path / "preserve.toml").write_text('organization = "o"')
    assert run(lambda invocation, _: int(invocation.settings().organization != "o")) == 0


@pytest.mark.parametrize("arguments", [["nonsense"], ["--nonsense"], ["--config"], []])
def test_a_wrong_command_line_is_2_on_standard_error(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    out, err = capfd.readouterr()
    assert out == "" and "preserve" in err


def test_the_version(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capfd.readouterr().out == f"preserve {__version__}\n"


def test_help_names_every_command_and_imports_none() -> None:
    script = (
        "import sys; from preserve.cli.main import main; status = main(['--help']);"
        "print([name for name in sys.modules if name.split('.')[0] in ('sqlalchemy', 'lxml', 'apscheduler', 'msgspec')"
        " or name.startswith('preserve.cli.')"
        " and name.split('.')[-1] not in ('main', 'arguments', 'entry', 'signals', 'lazy', 'options')]);"
        "sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, encoding="utf-8")
    assert done.stdout.splitlines()[-1] == "[]"
    for name in (
        "demo",
        "init",
        "bag",
        "validate",
        "add",
        "replica",
        "replicate",
        "audit",
        "status",
        "report",
        "serve",
    ):
        assert f" {name} " in done.stdout


def _python(body: str, **more: object) -> "subprocess.Popen[bytes]":
    script = (
        "import sys, types, rich_click as click\n"
        "from preserve.cli import main as entry, output\n"
        "from preserve.cli.lazy import Lazy\n"
        "@click.command('try')\n"
        f"def command():\n    {body}\n"
        "module = types.ModuleType('trying'); module.command = command; sys.modules['trying'] = module\n"
        "entry.preserve_command.lazy['try'] = Lazy('trying:command', 'tries')\n"
        "sys.exit(entry.main(['try']))\n"
    )
    return subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, **more)  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize("body", ["output.print_json({'a': ['x' * 99] * 9999})", "output.show('x\\n' * 99999)"])
def test_a_reader_that_goes_away_changes_no_status_and_makes_no_noise(body: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with _python(f"{body}; return 1", stdout=writing) as process:
        os.close(writing)
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_output_that_cannot_be_written_is_no_success() -> None:
    with open("/dev/full", "wb") as full, _python("output.show('x'); return 0", stdout=full) as process:
        assert process.stderr is not None
        assert b"No space left" in process.stderr.read()
    assert process.returncode == 3


def test_sigterm_is_an_interruption() -> None:
    with _python("import os, signal, time; os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)") as process:
        assert process.stderr is not None
        assert b"interrupted" in process.stderr.read()
    assert process.returncode == 130


def test_a_terminal_that_is_not_utf_8_still_shows_something() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    with _python("output.show('\\u2714 good'); return 0", stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.read() == b"\\u2714 good\n"
    assert process.returncode == 0


def test_markup_in_a_report_is_text(capfd: pytest.CaptureFixture[str]) -> None:
    output.show("[red]:smile:[/red]")
    output.show(Text("[b]"))
    output.warning("a [link=x]name[/link]\x1b[0m")
    out, err = capfd.readouterr()
    assert out == "[red]:smile:[/red]\n[b]\n"
    assert err == "warning: a [link=x]name[/link]\\x1b[0m\n"

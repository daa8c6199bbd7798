"""A command line that is wrong in odd ways, signals at bad moments, closed streams, a broken installation.

Whatever happens: a documented status, one clear message, no traceback, and with `--json` exactly one document.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from preserve.cli import ending, signals
from preserve.cli.main import main
from preserve.cli.options import Invocation
from tests.support.workspaces import PlacedWorkspace, make_workspace

ROOT = Path(__file__).parents[2]
ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
HUGE = "9" * 25

Done = subprocess.CompletedProcess[bytes]

# Calls `happen()` when the module is looked for, then runs the command as the console script does.
_SCRIPT = """
import os, signal, sys
def happen():
    {happening}
class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == {module!r}:
            happen()
sys.meta_path.insert(0, Finder)
sys.argv = ["preserve", *{arguments!r}]
{before}
from preserve.cli.entry import run
sys.exit(run())
"""

# A command `try` with this body.
_TRY = """
def prepare():
    import types, rich_click as click
    from preserve.cli import main as entry, output
    from preserve.cli.lazy import Lazy
    from preserve.cli.options import json_option
    @click.command("try")
    @json_option
    def command(as_json):
        {body}
    sys.modules["trying"] = types.ModuleType("trying")
    sys.modules["trying"].command = command
    entry.preserve_command.lazy["try"] = Lazy("trying:command", "tries")
prepare()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    make_workspace(folder, packages=1, files=4)
    return folder


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PRESERVE_DEBUG"}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


@pytest.fixture
def script(folder: Path) -> Callable[..., Done]:
    def runner(
        *arguments: str, module: str = "", happening: str = "pass", before: str = "", ignoring: int = 0, **more: str
    ) -> Done:
        def prepare() -> None:
            for number in ASKING:
                signal.signal(number, signal.SIG_IGN if number == ignoring else signal.SIG_DFL)

        text = _SCRIPT.format(happening=happening, module=module, arguments=list(arguments), before=before)
        return subprocess.run(
            [sys.executable, "-c", text],
            cwd=folder,
            env=environment(**more),
            capture_output=True,
            timeout=60,
            preexec_fn=prepare,
        )

    return runner


@pytest.fixture
def shell(folder: Path) -> Callable[..., Done]:
    def runner(redirection: str, *arguments: str) -> Done:
        return subprocess.run(
            ["sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, "-m", "preserve", *arguments],
            cwd=folder,
            env=environment(),
            capture_output=True,
            timeout=60,
        )

    return runner


def error_of(out: bytes) -> dict[str, object]:
    document = json.loads(out)
    assert document["outcome"] == "inconclusive" and document["findings"] == []
    error: dict[str, object] = document["error"]
    return error


def kill(number: int) -> str:
    return f"os.kill(os.getpid(), {int(number)})"


@pytest.mark.parametrize(
    "arguments",
    [
        ["audit", "--budget", "9" * 400 + "TB"],
        ["audit", "--resume", HUGE],
        ["audit", "--resume", "0"],
        ["audit", "\udcff"],
        ["audit", "--replica", "\udcff"],
        ["status", "--limit", HUGE],
        ["status", "--limit", "-1"],
        ["report", "audit", "--audit", HUGE],
        ["report", "drift", "\udcff"],
        ["replicate", "\udcff"],
        ["add", "bags/box-0", "--id", "\udcff"],
        ["add", "bags/box-0", "--id", ""],
        ["add", "bags/box-0", "--id", "a\nb"],
        ["add", "bags/box-0", "--id", "x" * 256],
        ["add", "bags/box-0", "--collection", "\udcff"],
        ["add", "bags/box-0", "--collection", ""],
        ["bag", "sources", "--to", "new", "--id", "\udcff"],
        ["audit", "--bogus"],
        ["bogus"],
        ["--bogus"],
        ["replica", "bogus"],
        ["init", "--bogus"],
        ["audit", "--config"],
    ],
)
def test_what_cannot_be_meant_is_2_with_one_document(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], arguments: list[str]
) -> None:
    monkeypatch.chdir(folder)
    for each in ([arguments[0], "--json", *arguments[1:]], ["--json", *arguments]):
        assert main(each) == 2
        out, err = capfdbinary.readouterr()
        assert error_of(out)["exit_status"] == 2
        assert err.startswith(b"error: ") and b"internal" not in err
    assert main(arguments) == 2
    assert b"internal" not in capfdbinary.readouterr().err


def test_json_after_the_end_of_options_is_a_name(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["bogus", "--", "--json"]) == 2
    assert capfd.readouterr().out == ""


def audits_in(folder: Path) -> int:
    with PlacedWorkspace(folder, [], [], {}, {}, {}).open() as workspace:
        return len(workspace.catalog.audits())


@pytest.mark.parametrize("arguments", [["audit", "--json"], ["audit"], ["status"], ["--help"], ["bogus"]])
def test_where_nobody_can_read_the_answer_nothing_is_done(
    folder: Path, shell: Callable[..., Done], arguments: list[str]
) -> None:
    before = audits_in(folder)
    done = shell(">&-", *arguments)
    assert done.returncode == 3
    assert done.stderr.startswith(b"error: standard output is closed") and b"internal" not in done.stderr
    assert audits_in(folder) == before


def test_without_standard_error_the_answer_is_still_one_document(shell: Callable[..., Done]) -> None:
    for redirection in ("2>&-", "0<&- 2>&-", "2>/dev/full"):
        done = shell(redirection, "status", "--json")
        assert (done.returncode, json.loads(done.stdout)["outcome"]) == (0, "pass")
        done = shell(redirection, "audit", "--bogus", "--json")
        assert (done.returncode, error_of(done.stdout)["exit_status"]) == (2, 2)


def test_no_file_gets_the_number_of_a_closed_stream(script: Callable[..., Done]) -> None:
    done = script(
        "status",
        "--json",
        before="os.close(0); os.close(2); sys.stderr = None",
        module="sqlalchemy",
        happening="assert os.open('preserve.toml', os.O_RDONLY) > 2",
    )
    assert done.returncode == 0


@pytest.mark.parametrize("module", ["rich_click", "rich.console", "preserve.cli.auditing", "sqlalchemy", "sqlite3"])
@pytest.mark.parametrize("number", ASKING)
def test_a_signal_while_modules_are_imported_is_130(script: Callable[..., Done], number: int, module: str) -> None:
    done = script("audit", "--json", module=module, happening=kill(number))
    assert done.returncode == 130
    assert error_of(done.stdout)["exit_status"] == 130
    assert done.stderr.count(b"interrupted") == 1 and b"Traceback" not in done.stderr


@pytest.mark.parametrize("number", ASKING)
def test_a_signal_while_the_interpreter_ends_changes_nothing(script: Callable[..., Done], number: int) -> None:
    late = f"""
class Late:
    def __del__(self, kill=os.kill, process=os.getpid()):
        kill(process, {int(number)})
late = Late()
import atexit; atexit.register(lambda: {kill(number)})
"""
    done = script("status", "--json", before=late)
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["outcome"] == "pass"


def test_a_signal_that_the_caller_ignores_stays_ignored(script: Callable[..., Done]) -> None:
    done = script("status", module="sqlalchemy", happening=kill(signal.SIGHUP), ignoring=signal.SIGHUP)
    assert done.returncode == 0


def test_a_signal_after_the_answer_does_not_contradict_it(script: Callable[..., Done]) -> None:
    body = f"output.print_json({{'outcome': 'fail'}}); {kill(signal.SIGTERM)}; return 1"
    done = script("try", "--json", before=_TRY.format(body=body))
    assert (done.returncode, json.loads(done.stdout), done.stderr) == (1, {"outcome": "fail"}, b"")


def test_a_signal_within_a_destructor_is_not_lost(script: Callable[..., Done]) -> None:
    body = f"""
        import time
        class Held:
            def __del__(self):
                {kill(signal.SIGTERM)}
                time.sleep(0.01)
        held = Held()
        del held
        time.sleep(50)
"""
    done = script("try", "--json", before=_TRY.format(body=body))
    assert done.returncode == 130 and b"Traceback" not in done.stderr
    assert error_of(done.stdout)["exit_status"] == 130


def test_a_second_signal_while_the_first_is_told_of_ends_quietly(script: Callable[..., Done]) -> None:
    twice = f"{kill(signal.SIGINT)}; {kill(signal.SIGTERM)}; {kill(signal.SIGINT)}"
    done = script("try", before=_TRY.format(body=kill(signal.SIGTERM)), module="preserve.cli.ending", happening=twice)
    assert done.returncode == 130 and b"Traceback" not in done.stderr


def test_what_goes_wrong_after_a_signal_comes_of_it(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(signals.STATE, "raised", True)
    assert ending.end(OSError(5, "the terminal is gone"), Invocation()) == 130
    assert "interrupted" in capfd.readouterr().err


@pytest.mark.parametrize(
    "module", ["rich_click", "preserve.cli.main", "preserve.cli.signals", "preserve.bag.validating.validation"]
)
@pytest.mark.parametrize("error", ["OSError(5, 'I/O \"error\"', '/x\\x1b\\u202e')", "ImportError('no such thing')"])
def test_a_broken_installation_is_3_and_never_damage(script: Callable[..., Done], module: str, error: str) -> None:
    done = script("validate", "--json", "bags/box-0", module=module, happening=f"raise {error}")
    assert done.returncode == 3
    assert error_of(done.stdout)["exit_status"] == 3
    assert done.stderr.startswith(b"error: ") and b"Traceback" not in done.stderr and b"internal" not in done.stderr
    assert b"\x1b" not in done.stderr
    done = script("validate", "bags/box-0", module=module, happening=f"raise {error}")
    assert (done.returncode, done.stdout) == (3, b"")


def test_even_the_module_that_tells_of_errors_may_be_broken(script: Callable[..., Done]) -> None:
    done = script("bogus", "--json", module="preserve.cli.ending", happening="raise OSError(5, 'I/O error')")
    assert (done.returncode, error_of(done.stdout)["exit_status"]) == (3, 3)
    assert b"Traceback" not in done.stderr


def test_the_traceback_of_a_broken_installation_is_shown_when_asked_for(script: Callable[..., Done]) -> None:
    done = script("--help", module="rich_click", happening="raise ImportError('x')", PRESERVE_DEBUG="1")
    assert done.returncode == 3 and b"Traceback" in done.stderr


def test_the_console_script_begins_at_the_entry() -> None:
    import tomllib

    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert scripts == {"preserve": "preserve.cli.entry:run"}

"""How a run ends that did not come to its end: one clear message, the status, no traceback unless asked for."""

import os
import traceback
from contextlib import suppress

import click

from checks.ports import StoreError
from config import SettingsError
from preserve.cli import output
from preserve.cli.exits import status_of
from preserve.cli.options import Invocation
from preserve.errors import PreserveError

_REPORT = "please report it, with the command; PRESERVE_DEBUG=1 shows where it happened"


def end(error: BaseException, invocation: Invocation) -> int:
    """Tells the error on standard error (and, for `--json`, as a document) and returns the exit status."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 0 if error.code is None else 2
    status = status_of(error)
    with suppress(OSError):  # nobody can be told; the status still tells
        _tell(error, status, invocation)
    return status


def _tell(error: BaseException, status: int, invocation: Invocation) -> None:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.message, err=True)
        return
    message, remedy = _words(error)
    if os.environ.get("PRESERVE_DEBUG") == "1":
        output.note("".join(traceback.format_exception(error)).rstrip())
    output.error(message, remedy)
    if invocation.wants_json and not invocation.answered:
        output.print_json(
            {
                "outcome": "inconclusive",
                "findings": [],
                "counts": {},
                "error": {"message": message, "remedy": remedy, "exit_status": status},
            }
        )


def _words(error: BaseException) -> tuple[str, str]:
    """The message and the remedy."""
    if isinstance(error, PreserveError):
        return error.message, error.remedy
    if isinstance(error, SettingsError):
        return str(error), error.remedy
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return "interrupted: what was not finished is not counted as done", ""
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx is not None else "preserve"
        return error.format_message(), f"see `{command} --help`"
    if isinstance(error, click.ClickException):
        return error.format_message(), ""
    if isinstance(error, StoreError):
        return str(error), ""
    if isinstance(error, OSError):
        return _operating_system(error), ""
    return f"internal error: {type(error).__name__}: {error}", _REPORT


def _operating_system(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    name = error.filename
    if name is None:
        return reason
    shown = os.fsdecode(name) if isinstance(name, str | bytes | os.PathLike) else str(name)
    return f"{shown}: {reason}"

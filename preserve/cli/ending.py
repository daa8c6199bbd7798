"""How a run ends that did not come to its end: one clear message, the status, no traceback unless asked for."""

import os
import traceback
from contextlib import suppress

import click

from checks.ports import StoreError
from config import SettingsError
from preserve.cli import output, signals
from preserve.cli.exits import status_of
from preserve.cli.options import Invocation
from preserve.errors import PreserveError

_REPORT = "please report it, with the command; PRESERVE_DEBUG=1 shows where it happened"


def end(error: BaseException, invocation: Invocation) -> int:
    """Tells the error on standard error (and, for `--json`, as a document) and returns the exit status."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 0 if error.code is None else 2
    if signals.STATE.raised and not isinstance(error, KeyboardInterrupt):
        # Whatever else went wrong then (a terminal that is gone, a callback that was cut off) came of the signal.
        interrupted = KeyboardInterrupt()
        interrupted.__cause__ = error
        error = interrupted
    status = status_of(error)
    with suppress(OSError):  # nobody can be told; the status still tells
        _tell(error)
    if invocation.wants_json and not invocation.answered:
        with suppress(OSError):
            _answer(error, status)
    return status


def _tell(error: BaseException) -> None:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.message, err=True)
        return
    message, remedy = words_of(error)
    if os.environ.get("PRESERVE_DEBUG") == "1":
        output.note("".join(traceback.format_exception(error)).rstrip())
    output.error(message, remedy)


def _answer(error: BaseException, status: int) -> None:
    message, remedy = words_of(error)
    output.print_json(
        {
            "outcome": "inconclusive",
            "findings": [],
            "counts": {},
            "error": {"message": message, "remedy": remedy, "exit_status": status},
        }
    )


def words_of(error: BaseException) -> tuple[str, str]:
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
    if isinstance(error, ImportError):
        return f"preserve itself could not be loaded: {error}", "install it again; this says nothing of the files"
    return f"internal error: {type(error).__name__}: {error}", _REPORT


def _operating_system(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    name = error.filename
    if name is None:
        return reason
    shown = os.fsdecode(name) if isinstance(name, str | bytes | os.PathLike) else str(name)
    return f"{shown}: {reason}"

"""`preserve`: the group of commands, and the entry that turns every end of a run into an exit status."""

import os
import sys
import threading
from collections.abc import Sequence
from typing import Any

import rich_click as click
from click.exceptions import Exit

from preserve import __version__
from preserve.cli import signals
from preserve.cli.arguments import asks_for_json
from preserve.cli.lazy import Lazy, LazyGroup
from preserve.cli.options import Invocation, config_option

_COMMANDS = {
    "demo": ("demonstrating", "A small collection, three replicas, real damage: the whole road."),
    "init": ("holdings", "Make preserve.toml and an empty catalog."),
    "bag": ("bagging", "Make a bag (RFC 8493) of a folder."),
    "validate": ("bagging", "Validate a bag."),
    "add": ("holdings", "Take bags into the catalog."),
    "replica": ("replicas", "Add, list or remove a place that holds copies; thaw what lies cold."),
    "replicate": ("holdings", "Copy packages to replicas, read back, record."),
    "reconcile": ("reconciling", "What is on a replica and not in the catalog, and the reverse."),
    "adopt": ("reconciling", "Take bags in that lie on a replica already, in place."),
    "audit": ("auditing", "Read copies again and compare them with what was taken in."),
    "alert": ("alerting", "Tell people what is not as it should be; --test tries the channels."),
    "acknowledge": ("alerting", "Say that somebody knows of a cause: it is told no more until it gets worse."),
    "safe-to-delete": ("keeping", "Whether local files are kept well enough elsewhere to be deleted here."),
    "remove": ("removing", "End the care for a package; delete its copies, if so asked."),
    "status": ("showing", "Packages and replicas at a glance."),
    "watch": ("watching", "What is not as it should be with the care: for people, Nagios and Prometheus."),
    "plan": ("watching", "Whether the promise will be kept, and what would keep it."),
    "repair": ("repairing", "Mend damaged files from good copies: a plan, or with --apply the deed."),
    "restore": ("repairing", "A whole verified bag out of the best files of all copies."),
    "archivematica": ("archivematica", "List and check the AIPs of an Archivematica Storage Service."),
    "report": ("showing", "What drifted, what is lost, what an audit did."),
    "premis": ("premis", "Export a package's history as PREMIS, validate a PREMIS document."),
    "catalog": ("catalog", "Check the catalog, back it up, make it again from the replicas."),
    "serve": ("auditing", "Keep the schedule."),
}
_PANELS = [
    {"name": "Begin", "commands": ["demo", "init"]},
    {"name": "Take in", "commands": ["bag", "validate", "add", "adopt"]},
    {
        "name": "Keep",
        "commands": ["replica", "replicate", "audit", "serve", "alert", "acknowledge", "catalog", "remove"],
    },
    {"name": "Mend", "commands": ["repair", "restore"]},
    {
        "name": "Look",
        "commands": ["status", "watch", "reconcile", "plan", "report", "premis", "safe-to-delete", "archivematica"],
    },
]


def _lazily(name: str) -> Lazy:
    module, short_help = _COMMANDS[name]
    return Lazy(f"preserve.cli.{module}:{name.replace('-', '_')}_command", short_help)


@click.group(
    cls=LazyGroup,
    lazy={name: _lazily(name) for name in _COMMANDS},
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=(
        "Exit status: 0 done and good, 1 damage found, 2 wrong command or settings, 3 not determined, 130 interrupted."
    ),
)
@click.rich_config({"command_groups": {"preserve": _PANELS}})
@click.version_option(__version__, prog_name="preserve", message="%(prog)s %(version)s")
@config_option
def preserve_command() -> None:
    """Keeps proof that an archive's files are still the files it took in."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit status and never raises. Sole caller of the table in `exits`.

    `click`'s own `main` is passed by: it ends with 1 where our table says 2 or 130, and 1 means damage.
    """
    if "_PRESERVE_COMPLETE" in os.environ:
        return _complete(os.environ["_PRESERVE_COMPLETE"])
    words = list(sys.argv[1:] if arguments is None else arguments)
    invocation = Invocation(wants_json=asks_for_json(words))
    installed = threading.current_thread() is threading.main_thread() and signals.install()
    try:
        status = _run(words, invocation)
        sys.stdout.flush()
        return status
    except BaseException as error:  # noqa: BLE001 - the one place where every end becomes a status
        signals.STATE.held = True  # before any call: a call is where Python handles signals
        from preserve.cli import ending

        return ending.end(error, invocation)
    finally:
        if installed:
            signals.uninstall()


def _run(arguments: list[str], invocation: Invocation) -> int:
    try:
        with preserve_command.make_context("preserve", arguments, obj=invocation) as context:
            result: Any = preserve_command.invoke(context)
    except Exit as error:
        return int(error.exit_code)
    return result if isinstance(result, int) else 0


def _complete(instruction: str) -> int:
    from click.shell_completion import shell_complete

    return shell_complete(preserve_command, {}, "preserve", "_PRESERVE_COMPLETE", instruction)

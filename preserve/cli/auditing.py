"""`preserve audit` and `preserve serve`."""

import re
from typing import TYPE_CHECKING

import rich_click as click

from preserve.cli import output
from preserve.cli.options import Invocation, config_option, json_option, pass_invocation

if TYPE_CHECKING:
    from reports.rows import AuditView

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def _size(ctx: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """`200GB`, in bytes."""
    if value is None:
        return None
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kKMGT]?B?)\s*", value)
    unit = match[2].upper() if match else ""
    if match is None or (unit not in _UNITS and unit + "B" not in _UNITS):
        raise click.BadParameter(f"{value!r} is no size; write it like 200GB or 500MB", ctx, parameter)
    number = float(match[1]) * _UNITS[unit if unit in _UNITS else unit + "B"]
    if number < 1:
        raise click.BadParameter("a budget must be more than nothing", ctx, parameter)
    return int(number)


@click.command("audit")
@click.argument("packages", nargs=-1, metavar="[PACKAGE]...")
@click.option("--replica", "replicas", multiple=True, metavar="NAME", help="Only on this replica; repeatable.")
@click.option("--path", help="Read this one file on all its copies now; from the bag's root, such as data/page.jpg.")
@click.option("--due", is_flag=True, help="Only what is due by the settings' target_age, the oldest first.")
@click.option(
    "--budget", callback=_size, metavar="SIZE", help="At most so many bytes, such as 200GB; the oldest first."
)
@click.option("--resume", type=int, metavar="ID", help="Go on with an audit that stopped before its end.")
@json_option
@config_option
@pass_invocation
def audit_command(
    invocation: Invocation,
    packages: tuple[str, ...],
    replicas: tuple[str, ...],
    path: str | None,
    due: bool,
    budget: int | None,
    resume: int | None,
    as_json: bool,
) -> int:
    """Read copies again, past the cache, and compare them with what was taken in."""
    from preserve.errors import UsageError

    if resume is not None and (packages or replicas or path or due or budget):
        raise UsageError("--resume goes on with what was asked for then", remedy="Give it alone.")
    if path is not None and (due or budget):
        raise UsageError("--path reads one file now", remedy="Leave out --due and --budget.")
    if path is not None:
        return _audit_path(invocation, path, packages, replicas, as_json)

    from preserve.app import audits
    from preserve.app.audit_views import audit_view
    from preserve.app.workspace import Workspace
    from preserve.cli.progress import Progress

    with Workspace(invocation.settings()) as workspace:
        if resume is not None:
            audit = audits.resume(workspace, resume)
        else:
            audit = audits.plan(workspace, packages=packages, replicas=replicas, due=due, budget_bytes=budget)
        left = audit.planned - audit.done
        output.note(f"audit {audit.id}: {left:,} {'shard' if left == 1 else 'shards'} to read")
        files, size = audits.remaining_work(workspace, audit)
        with Progress("auditing", total_files=files, total_bytes=size, quiet=as_json) as progress:
            try:
                audit = audits.run(workspace, audit, progress)
            except KeyboardInterrupt:
                output.note(f"go on with: preserve audit --resume {audit.id}")
                raise
        return _tell(audit_view(workspace, audit), as_json)


def _audit_path(
    invocation: Invocation, path: str, packages: tuple[str, ...], replicas: tuple[str, ...], as_json: bool
) -> int:
    from preserve.app import audits
    from preserve.app.audit_views import path_view
    from preserve.app.workspace import Workspace
    from preserve.cli.progress import Progress

    with Workspace(invocation.settings()) as workspace:
        with Progress("reading", quiet=as_json) as progress:
            read = audits.read_path(workspace, path, progress, packages=packages, replicas=replicas)
        return _tell(path_view(workspace, path, read), as_json)


def _tell(view: "AuditView", as_json: bool) -> int:
    from preserve.cli.exits import OUTCOMES
    from reports import audits

    if as_json:
        output.print_json(audits.as_json(view))
    else:
        output.show(audits.as_text(view))
    return OUTCOMES[audits.outcome_of(view)]


@click.command("serve")
@config_option
@pass_invocation
def serve_command(invocation: Invocation) -> int:
    """Keep the schedule: look for what is due as often as `every` says, and read it. Ends on SIGTERM or Ctrl-C."""
    from preserve.app.workspace import Workspace
    from preserve.daemon.serving import serve

    with Workspace(invocation.settings()) as workspace:
        serve(workspace, output.note)
    return 0

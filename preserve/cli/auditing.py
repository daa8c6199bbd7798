"""`preserve audit` and `preserve serve`."""

from typing import TYPE_CHECKING

import rich_click as click

from preserve.cli import output
from preserve.cli.options import Invocation, config_option, json_option, pass_invocation
from preserve.cli.values import as_number, as_size, as_text

if TYPE_CHECKING:
    from preserve.app.audits import DueWork
    from reports.rows import AuditView


@click.command("audit")
@click.argument("packages", nargs=-1, type=as_text, metavar="[PACKAGE]...")
@click.option(
    "--replica", "replicas", multiple=True, type=as_text, metavar="NAME", help="Only on this replica; repeatable."
)
@click.option("--path", help="Read this one file on all its copies now; from the bag's root, such as data/page.jpg.")
@click.option("--due", is_flag=True, help="Only what is due by the settings' target_age, the oldest first.")
@click.option("--budget", type=as_size, metavar="SIZE", help="At most so many bytes, such as 200GB; the oldest first.")
@click.option("--resume", type=as_number, metavar="ID", help="Go on with an audit that stopped before its end.")
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
        if due:
            _back_up(audits.DueWork(workspace, progress))
        return _tell(audit_view(workspace, audit), as_json)


def _back_up(work: "DueWork") -> None:
    """For those who let cron do what `serve` does. What goes wrong changes nothing about the audit."""
    from preserve.errors import PreserveError

    try:
        told = work.back_up_if_due()
    except PreserveError as error:
        output.warning(f"the catalog could not be backed up: {error.message}", error.remedy)
        return
    if told:
        output.note(told)


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

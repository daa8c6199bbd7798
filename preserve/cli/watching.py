"""`preserve watch` and `preserve plan`."""

from typing import TYPE_CHECKING

import rich_click as click

from preserve.cli import output
from preserve.cli.options import Invocation, config_option, json_option, pass_invocation

if TYPE_CHECKING:
    from datetime import timedelta

    from reports.health import HealthView


@click.command("watch")
@click.option("--nagios", is_flag=True, help="One line in the words of Nagios, with its exit statuses: 0, 1, 2, 3.")
@click.option("--metrics", is_flag=True, help="Figures in the text format of Prometheus.")
@json_option
@config_option
@pass_invocation
def watch_command(invocation: Invocation, nagios: bool, metrics: bool, as_json: bool) -> int:
    """Whether the care for the archive is as it should be: a line for each concern, and what to do about it.

    Silence is not health: a service that died, a run that is late, a promise that cannot be kept are concerns too.
    Exit status 0: nothing but warnings; 1: damage; 3: anything else that is not known or not kept.
    """
    if sum((nagios, metrics, as_json)) > 1:
        raise click.UsageError("one of --nagios, --metrics and --json at a time")
    if nagios:
        return _nagios(invocation)
    if metrics:
        return _metrics(invocation)
    from preserve.cli.exits import OUTCOMES
    from reports import health

    view = _view(invocation)
    if as_json:
        output.print_json(health.as_json(view))
    else:
        output.show_each(health.as_text(view))
    return OUTCOMES[view.outcome]


def _view(invocation: Invocation) -> "HealthView":
    from preserve.app.health import health
    from preserve.app.workspace import Workspace

    with Workspace(invocation.settings()) as workspace:
        return health(workspace).view


def _nagios(invocation: Invocation) -> int:
    """Whatever goes wrong is their UNKNOWN, which no error of ours may turn into one of their other words."""
    from preserve.cli.ending import words_of
    from reports import health

    try:
        text, status = health.nagios(_view(invocation))
    except Exception as error:  # noqa: BLE001  a check that cannot be made is an answer here
        text, status = health.nagios_unknown(": ".join(filter(None, words_of(error))))
    output.stream(lambda target: target.write(f"{text}\n".encode("utf-8", "backslashreplace")))
    return status


def _metrics(invocation: Invocation) -> int:
    """Where nothing could be asked, `preserve_up 0` and the error: old figures must not go on looking well."""
    from preserve.cli.exits import OUTCOMES
    from reports import metrics

    try:
        view = _view(invocation)
    except Exception:
        output.stream(lambda target: target.write(metrics.down().encode()))
        raise
    output.stream(lambda target: target.write(metrics.as_text(view).encode("utf-8", "backslashreplace")))
    return OUTCOMES[view.outcome]


def as_budget(value: str) -> "tuple[int | None, timedelta | None]":
    """As in the settings: `200GB`, `4h`, or both with a comma between them."""
    from config.errors import ValueProblem
    from config.sizes import parse_budget

    try:
        return parse_budget([part.strip() for part in value.split(",")])
    except ValueProblem as problem:
        raise click.BadParameter(f"{problem.message}: {problem.remedy}") from None


def as_rate(value: str) -> int:
    """As in the settings: `50MB/s`."""
    from config.errors import ValueProblem
    from config.sizes import parse_rate

    try:
        return parse_rate(value)
    except ValueProblem as problem:
        raise click.BadParameter(f"{problem.message}: {problem.remedy}") from None


@click.command("plan")
@click.option("--replica", "replicas", multiple=True, metavar="NAME", help="Only this one; may be given again.")
@click.option("--budget", type=as_budget, metavar="B", help='What if a run had this budget: "200GB", "4h", "200GB,4h".')
@click.option("--rate", type=as_rate, metavar="R", help='What if it were read at most this fast: "50MB/s".')
@click.option(
    "--price", type=click.FloatRange(min=0), metavar="P", help="What it costs to read a GB, for cloud storage."
)
@json_option
@config_option
@pass_invocation
def plan_command(
    invocation: Invocation,
    replicas: tuple[str, ...],
    budget: "tuple[int | None, timedelta | None] | None",
    rate: int | None,
    price: float | None,
    as_json: bool,
) -> int:
    """Whether the promise will be kept: how much can be read a day, how long a full pass takes, what there is to spare.

    Exit status 0: it will be kept; 2: it will not, and what would keep it is said; 3: too little was read yet to say.
    """
    from preserve.app.planning import plan_view
    from preserve.app.workspace import Workspace
    from preserve.cli.exits import GOOD, UNDETERMINED, WRONG
    from reports import plan

    with Workspace(invocation.settings()) as workspace:
        view = plan_view(workspace, replicas, budget=budget, rate=rate, price=price)
    if as_json:
        output.print_json(plan.as_json(view))
    else:
        output.show_each(plan.as_text(view))
    not_kept = plan.broken(view)
    for sentence in not_kept:
        output.error(sentence)
    if not_kept:
        return WRONG
    if any(replica.asked.outlook.keeps is None for replica in view.replicas) or not view.replicas:
        return UNDETERMINED
    return GOOD

"""Options that many commands share, and what the group hands to a command."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click

if TYPE_CHECKING:  # a command that needs no settings does not wait for their reader
    from config import Settings

_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(slots=True)
class Invocation:
    """One run of `preserve`. Commands take it with `@pass_invocation`."""

    explicit_config: str | None = None
    wants_json: bool = False
    answered: bool = False  # the one JSON document was printed

    def settings_path(self) -> Path:
        """Where the settings are; config.SettingsError if there are none."""
        import config

        return config.find(Path.cwd(), self.explicit_config, os.environ)

    def settings(self) -> "Settings":
        """The settings, read now; config.SettingsError says what is wrong with them."""
        import config

        return config.load(self.settings_path())


pass_invocation = click.make_pass_decorator(Invocation, ensure=True)


def _keep_config(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.ensure_object(Invocation).explicit_config = value


def _keep_json(ctx: click.Context, _: click.Parameter, value: bool) -> bool:
    if value:
        ctx.ensure_object(Invocation).wants_json = True
    return value


def config_option(function: _F) -> _F:
    """`--config FILE`, on the group and on each command that reads settings; no parameter is handed on."""
    return click.option(
        "--config",
        metavar="FILE",
        expose_value=False,
        is_eager=True,
        callback=_keep_config,
        help="The settings file. Else PRESERVE_CONFIG, else the nearest preserve.toml from here upwards.",
    )(function)


def json_option(function: _F) -> _F:
    """`--json`, handed on as `as_json: bool`. Also lets an error answer with a JSON document."""
    return click.option(
        "--json",
        "as_json",
        is_flag=True,
        is_eager=True,
        callback=_keep_json,
        help="One JSON document on standard output; all else on standard error.",
    )(function)

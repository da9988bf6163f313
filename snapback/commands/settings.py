"""`snapback settings check` and `publish`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from snapback.commands.options import HERE, echo_json, json_option, on_stderr, stack_option
from snapback.errors import BAD, FINE, Refused
from snapback.stderr import complain, warn

if TYPE_CHECKING:
    from chalicelib.core.settings import Settings


@click.group()
def settings() -> None:
    """Check or publish the settings file."""


@settings.command("check")
@click.argument("path", metavar="[FILE]", type=click.Path(path_type=Path), default=HERE)
@json_option
def settings_check(path: Path, as_json: bool) -> int:
    """Check FILE (snapback.yaml), and show every problem with its line and what is allowed.

    Example: snapback settings check
    """
    from dataclasses import asdict

    from snapback.render import plain
    from snapback.settings_file import check

    found, problems = check(path)
    if as_json:
        echo_json(asdict(problem) for problem in problems)
        return FINE if found else BAD
    for problem in problems:
        click.echo(plain(f"{problem} (a warning)" if problem.warning else problem), err=True)
    if found is None:
        errors = sum(not problem.warning for problem in problems)
        if path.is_file():
            complain(
                f"{path}: {errors} {'error' if errors == 1 else 'errors'}; no command uses this file until they are fixed",
                BAD,
            )
        return BAD
    parts = {"guardrails set by name": found.guardrails, "exemptions": found.exemptions, "channels": found.channels}
    told = ", ".join(f"{len(part)} {name}" for name, part in parts.items())
    click.echo(f"{path}: fine. Mode {found.mode}; {told}.")
    click.echo(_may_act(found))
    return FINE


@settings.command("schema")
def settings_schema() -> int:
    """Print the JSON Schema of the settings file, for editors.

    Example: snapback settings schema > settings.schema.json, and in the first line of the file:
    # yaml-language-server: $schema=settings.schema.json
    """
    from snapback.settings_schema import schema

    click.echo(schema(), nl=False)
    return FINE


def _may_act(settings: Settings) -> str:
    """How many guardrails these settings let write, in some account or by some tag."""
    from msgspec import UNSET

    from chalicelib import catalog
    from chalicelib.core.settings import Modes
    from chalicelib.core.types import Mode

    may: dict[Mode, int] = {Mode.FIX: 0, Mode.ASK: 0}
    rules = list(catalog.guardrails())
    for rule in rules:
        chosen = settings.guardrails.get(rule.id, settings.mode)
        modes = (
            [settings.mode if chosen.mode is UNSET else chosen.mode, *chosen.accounts.values(), *chosen.tags.values()]
            if isinstance(chosen, Modes)
            else [chosen]
        )
        most = max((settings.allowed(rule, mode) for mode in modes), key=list(Mode).index)
        if most in may:
            may[most] += 1
    if not any(may.values()):
        return f"No guardrail may change anything: all {len(rules)} only report."
    return f"{may[Mode.FIX]} of {len(rules)} guardrails may now change resources without asking, and {may[Mode.ASK]} after an approval."


@settings.command("publish")
@click.argument("path", metavar="[FILE]", type=click.Path(path_type=Path), default=HERE)
@click.option(
    "--to", metavar="PLACE", help="ssm:/NAME or appconfig:APPLICATION/ENVIRONMENT/PROFILE.  [default: the stack's]"
)
@click.option("--yes", is_flag=True, help="Don't ask.")
@stack_option
@json_option
def settings_publish(path: Path, to: str | None, yes: bool, stack: str, as_json: bool) -> int:
    """Publish FILE (snapback.yaml) to the functions, without a deploy. They use it within a minute.

    The command first checks the file and shows what changes. The stack needs the parameter Settings=ssm or Settings=appconfig.

    Example: snapback settings publish --yes
    """
    import boto3

    from snapback import deployed, render
    from snapback.account_names import for_functions
    from snapback.errors import NotPublished
    from snapback.publish import Destination, difference
    from snapback.settings_file import read_settings

    new = read_settings(path, warn=warn)
    try:
        parts = {} if to else deployed.parts(stack, deployed.SETTINGS, deployed.STRATEGY)
        new = (
            for_functions(new, boto3.client("sts").get_caller_identity()["Account"], warn)
            if new.organization_role
            else new
        )
        place = Destination(to or parts.get(deployed.SETTINGS, ""), parts.get(deployed.STRATEGY, ""))
        live = place.live()
        lines = difference(live, new)
        if not lines and live is not None:
            if as_json:
                echo_json([{"place": place.source, "changes": [], "published": ""}])
            else:
                click.echo(f"{place.source} already has the settings of {path}.")
            return FINE
        empty = ", which is still empty" if live is None else ""
        with on_stderr(as_json):
            render.show(f"Changes in {place.source}{empty}:", render.diff(lines), "", _may_act(new))
        if not yes and click.prompt("To publish, type 'publish'", err=True) != "publish":
            raise Refused("nothing was published")
        done = place.write(new)
        if as_json:
            echo_json([{"place": place.source, "changes": lines, "published": done}])
        else:
            click.echo(f"Published as {done}. Functions use it within a minute.")
    except NotPublished as error:
        raise Refused(str(error)) from error
    return FINE

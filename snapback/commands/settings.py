"""`snapback settings check` and `publish`."""

from __future__ import annotations

from pathlib import Path

import click

from snapback.commands.options import HERE, echo_json, json_option, stack_option
from snapback.errors import BAD, FINE, Refused
from snapback.stderr import complain, warn


@click.group()
def settings() -> None:
    """Check or publish the settings file."""


@settings.command("check")
@click.argument("path", metavar="[FILE]", type=click.Path(path_type=Path), default=HERE)
@json_option
def settings_check(path: Path, as_json: bool) -> int:
    """Check FILE (snapback.yaml), and show every problem with its line and what is allowed."""
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
        return complain(f"{path} has errors; fix them and run this command again", BAD)
    parts = {"guardrails set by name": found.guardrails, "exemptions": found.exemptions, "channels": found.channels}
    told = ", ".join(f"{len(part)} {name}" for name, part in parts.items())
    click.echo(f"{path}: fine. Mode {found.mode}; {told}.")
    return FINE


@settings.command("publish")
@click.argument("path", metavar="[FILE]", type=click.Path(path_type=Path), default=HERE)
@click.option(
    "--to", metavar="PLACE", help="ssm:/NAME or appconfig:APPLICATION/ENVIRONMENT/PROFILE.  [default: the stack's]"
)
@click.option("--yes", is_flag=True, help="Don't ask.")
@stack_option
def settings_publish(path: Path, to: str | None, yes: bool, stack: str) -> int:
    """Publish FILE (snapback.yaml) to the functions, without a deploy. They use it within a minute.

    The command first checks the file and shows what changes. The stack needs the parameter Settings=ssm or Settings=appconfig.
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
            click.echo(f"{place.source} already has the settings of {path}.")
            return FINE
        empty = ", which is still empty" if live is None else ""
        render.show(f"Changes in {place.source}{empty}:", render.diff(lines))
        if not yes and click.prompt("To publish, type 'publish'", err=True) != "publish":
            raise Refused("nothing was published")
        click.echo(f"Published as {place.write(new)}. Functions use it within a minute.")
    except NotPublished as error:
        raise Refused(str(error)) from error
    return FINE

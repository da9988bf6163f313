"""`snapback sweep`: what is in an account now."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from snapback.commands.options import (
    LEFT_UNSAFE,
    deployed_application,
    load_settings,
    mode_option,
    open_json,
    settings_option,
    stack_option,
)
from snapback.errors import BAD, FINE, FOUND
from snapback.stderr import complain, warn

if TYPE_CHECKING:
    from pathlib import Path

    from chalicelib.core.settings import Settings
    from chalicelib.sweep.places import Place
    from chalicelib.wiring import Application
    from snapback.sweep import Finding


@click.command(short_help="Evaluate every resource in real AWS.")
@mode_option
@settings_option
@click.option(
    "--guardrail",
    "globs",
    metavar="GUARDRAIL",
    multiple=True,
    help="Only this guardrail, by id or glob; may be repeated.",
)
@click.option(
    "--service", "services", metavar="SERVICE", multiple=True, help="Only guardrails of this service, such as s3."
)
@click.option(
    "--account",
    "accounts",
    metavar="ACCOUNT",
    multiple=True,
    help="Only this account.  [default: your credentials' account, and `accounts` in the settings]",
)
@click.option(
    "--region",
    "regions",
    metavar="REGION",
    multiple=True,
    help="Only this region.  [default: AWS_REGION, `regions` in the settings, and global services]",
)
@stack_option
@click.option("--create-ledger", is_flag=True, help="Create the ledger's table if it doesn't exist.")
@click.option(
    "--json",
    "json_path",
    metavar="[FILE]",
    is_flag=False,
    flag_value="-",
    help="Write one JSON object per finding to FILE. Without FILE, or with -, write to stdout instead of text.",
)
def sweep(
    mode: str | None,
    settings_path: Path | None,
    globs: tuple[str, ...],
    services: tuple[str, ...],
    accounts: tuple[str, ...],
    regions: tuple[str, ...],
    stack: str,
    create_ledger: bool,
    json_path: str | None,
) -> int:
    """Evaluate every guardrail for every resource in real AWS, with your credentials.

    In mode fix, this command writes to AWS and needs a ledger. Without a ledger, it only reports. At the end, it lists
    what it couldn't evaluate. You can stop it and run it again.
    The exit code is 1 if anything unsafe remains, 2 if something could not be evaluated.
    """
    from snapback import render
    from snapback import sweep as library

    rules = library.chosen(globs, services)
    settings = library.as_asked(load_settings(settings_path), mode, globs)
    application, kept = _with_ledger(settings, mode, stack, create=create_ledger)
    home_region = application.dynamodb.meta.region_name
    where = library.places_for(
        application.settings, rules, home=application.home, home_region=home_region, accounts=accounts, regions=regions
    )
    with ExitStack() as files:
        lines = open_json(files, json_path)
        bar = files.enter_context(render.progress())
        task = bar.add_task("sweeping", total=len(where))
        unsafe = False

        def on_place(place: Place) -> None:
            bar.update(task, advance=1, description=render.plain(f"{place.kind} {place.account} {place.region}"))

        def on_finding(finding: Finding) -> None:
            nonlocal unsafe
            unsafe = unsafe or finding.outcome.status in LEFT_UNSAFE | {"duplicate"}
            if lines:
                lines.write(render.as_json(finding.to_json()) + "\n")
            if json_path != "-":
                render.show(render.finding_row(finding))

        run = f"{application.now():%Y-%m-%dT%H:%M:%S.%f}"
        done = library.sweep(application, where, run, kept=kept, on_place=on_place, on_finding=on_finding)
    if json_path != "-":
        render.show(*render.swept(done))
    for why, times in done.errors.most_common():
        complain(f"{why} ({times} times)" if times > 1 else why, BAD)
    return BAD if done.errors or done.counts["unjudged"] else FOUND if unsafe else FINE


def _with_ledger(settings: Settings, mode: str | None, stack: str, *, create: bool) -> tuple[Application, bool]:
    """The application, and whether it keeps records. Raises NoLedger where a mode needs one and there is none."""
    from snapback import sweep as library
    from snapback.ledger import make_ledger, require_ledger
    from snapback.replay.replay import quiet

    found, _, _ = deployed_application(stack, settings=settings)
    application = quiet(found.home, found.settings, table=found.table, spill=found.spill)
    if create:
        make_ledger(application)
    if application.ledger.exists():
        return application, True
    if mode in {"ask", "fix"}:
        require_ledger(application)
    warn("no ledger, so findings are only reported; --create-ledger creates one")
    return library.without_ledger(application), False

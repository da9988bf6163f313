"""`snapback selftest`: prove Snapback in a sandbox account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from snapback.commands.options import (
    acting,
    by_option,
    deployed_application,
    echo_json,
    json_option,
    load_settings,
    settings_option,
    stack_option,
)
from snapback.errors import BAD, FINE, FOUND, Refused
from snapback.stderr import complain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from chalicelib.core.settings import Settings
    from chalicelib.core.types import Mode
    from snapback.selftest.run import Proof


@click.command(short_help="Prove Snapback in a sandbox account.")
@click.option("--account", metavar="ID", required=True, help="The sandbox account's id, as a safeguard.")
@click.option("--minutes", type=click.IntRange(1, 120), default=30, show_default=True, help="How long to wait.")
@click.option("--clean", "only_clean", is_flag=True, help="Only remove what earlier selftests left.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@by_option
@settings_option
@stack_option
@json_option
def selftest(
    account: str,
    minutes: int,
    only_clean: bool,
    yes: bool,
    by: str | None,
    settings_path: Path | None,
    stack: str,
    as_json: bool,
) -> int:
    """Make harmless unsafe resources, wait for Snapback to fix them, undo the fixes, and remove everything.

    Run this in a sandbox account, after a deployment, with the credentials of a person who may create the resources
    (docs/selftest.md lists the permissions). Nobody can reach or assume any of the resources. The command lists them and
    asks first. It also shows the settings that let Snapback fix these resources, and nothing else.

    The exit code is 1 if Snapback didn't do what its mode says, 2 if something could not be removed.

    Example: snapback selftest --account 111122223333
    """
    import secrets

    import boto3

    from snapback import deployed, render
    from snapback.selftest.run import Selftest, modes
    from snapback.selftest.sandbox import Sandbox

    application, caller, parts = deployed_application(stack, deployed.SPILL, deployed.SETTINGS, deployed.STRATEGY)
    if account != application.home:
        raise Refused(f"--account is {account}, but your credentials are for {application.home}; use the sandbox's")
    session = boto3.Session()
    test = Selftest(
        application,
        Sandbox(session, account, secrets.token_hex(4)),
        by=acting(caller, by),
        on_step=lambda line: click.echo(render.plain(line), err=True),
    )
    if only_clean:
        return _report_left(test.clean())
    application.ledger.paused()  # Raises NoLedger.
    settings = _live(parts) or load_settings(settings_path)
    wanted = modes(settings, account)
    click.echo(f"account {account}, region {session.region_name}, stack {stack}", err=True)
    _announce(settings, wanted, account)
    if not yes:
        click.confirm("Make these resources?", abort=True, err=True)
    proofs = test.run(wanted, minutes * 60)
    if as_json:
        echo_json(proof.to_json() for proof in proofs)
    else:
        render.show(*map(_row, proofs), "", *_summary(proofs))
    left = _report_left(test.left)
    return left or (FOUND if any(proof.problem for proof in proofs) else FINE)


def _live(parts: dict[str, str]) -> Settings | None:
    """Those that the functions use, where the stack publishes them."""
    from chalicelib.aws.settings_source import checked
    from snapback import deployed
    from snapback.errors import NotPublished
    from snapback.publish import Destination

    source = parts.get(deployed.SETTINGS)
    if not source:
        return None
    try:
        live = Destination(source).live()
    except NotPublished as error:
        raise Refused(str(error)) from error
    return checked(live) if live is not None else None


def _announce(settings: Settings, wanted: dict[str, Mode], account: str) -> None:
    """On stderr: what is made, at what cost, what is not proved, and the settings that prove more."""
    import yaml

    from chalicelib import catalog
    from snapback.selftest.examples import COST, EXAMPLES
    from snapback.selftest.run import TAG, settings_to_prove
    from snapback.selftest.unproved import unproved

    lines = [f"The selftest makes these, tagged {TAG}, and removes them at the end:"]
    for each in EXAMPLES:
        mode = wanted[each.guardrail]
        lines.append(f"  {each.guardrail} (mode {mode}{', not proved' if mode == 'off' else ''})\n    {each.what}")
    lines += [COST, "Not proved:"]
    proved = {each.guardrail for each in EXAMPLES}
    for reason, ids in unproved(rule.id for rule in catalog.all_rules() if rule.id not in proved).items():
        lines.append(f"  {reason}: {', '.join(ids)}")
    if more := settings_to_prove(settings, account):
        lines += [
            "To prove more, merge these lines into your settings and deploy or publish them. They hold for the tag alone:",
            yaml.safe_dump({"guardrails": more}, sort_keys=False).rstrip(),
        ]
    click.echo("\n".join(lines), err=True)


def _row(proof: Proof) -> str:
    done = f"{proof.status}{' and undone' if proof.undone else ''}"
    after = "" if proof.seconds is None else f" {proof.seconds} s after its event"
    what = f"FAILED: {proof.problem}" if proof.problem else f"{done}{after}"
    return f"{proof.example.guardrail:42} {what}"


def _summary(proofs: Sequence[Proof]) -> list[str]:
    failed = sum(1 for proof in proofs if proof.problem)
    undone = sum(proof.undone for proof in proofs)
    return [f"{len(proofs) - failed} of {len(proofs)} as their mode says; {undone} fixed and undone."]


def _report_left(left: Sequence[str]) -> int:
    for each in left:
        complain(f"not removed: {each}; run `snapback selftest --clean` again, or remove it yourself", BAD)
    return BAD if left else FINE

"""`snapback permissions`: the IAM policy that an operator needs for a command."""

from __future__ import annotations

import click

from snapback.commands.options import json_option, many_option, stack_option
from snapback.errors import FINE, Refused
from snapback.stderr import warn

LARGEST = 6_144
"""Characters of a managed policy, without blanks: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html."""


@click.command(short_help="Print the IAM policy that a command needs.")
@click.argument("words", metavar="COMMAND...", nargs=-1, required=True)
@many_option(
    "--guardrail", "guardrails", "GUARDRAIL", "For sweep, fix, approve and undo: only this guardrail, by id or glob"
)
@stack_option
@json_option
def permissions(words: tuple[str, ...], guardrails: tuple[str, ...], stack: str, as_json: bool) -> int:
    """Print the IAM policy that a person needs for a COMMAND, such as records or dlq redrive, and no more.

    Resources are ARN patterns by the stack's name. The policy is JSON; with --json, it is on one line.

    Example: snapback permissions fix --guardrail 's3.*'
    """
    import json

    from chalicelib import catalog
    from snapback.known import check_guardrails
    from snapback.permissions import ELSEWHERE, NEEDS, policy

    name = " ".join(words)
    if name in ELSEWHERE:
        raise Refused(f"{name} {ELSEWHERE[name]}")
    if name not in NEEDS:
        raise Refused(f"no permissions for {name!r}; the commands are {', '.join(sorted(NEEDS))}")
    check_guardrails(guardrails, catalog.guardrails())
    made = policy(name, stack, guardrails=guardrails)
    click.echo(json.dumps(made, indent=None if as_json else 2))
    if (size := len(json.dumps(made, separators=(",", ":")))) > LARGEST:
        warn(
            f"the policy has {size:,} characters, and IAM takes {LARGEST:,}: choose guardrails with --guardrail, or split it"
        )
    return FINE

"""`snapback catalog`: the guardrails and tripwires there are."""

from __future__ import annotations

from fnmatch import fnmatchcase

import click

from snapback.commands.options import echo_json, json_option
from snapback.errors import FINE, Refused


@click.command(short_help="List guardrails and tripwires.")
@click.argument("globs", metavar="[GUARDRAIL]...", nargs=-1)
@json_option
def catalog(globs: tuple[str, ...], as_json: bool) -> int:
    """List guardrails and tripwires. With a GUARDRAIL (an id or a glob), show its details."""
    from chalicelib import catalog as known
    from snapback import render

    rules = [rule for rule in known.all_rules() if not globs or any(fnmatchcase(rule.id, glob) for glob in globs)]
    if not rules:
        raise Refused(f"no guardrail matches {' or '.join(map(repr, globs))}; `snapback catalog` lists all")
    if as_json:
        echo_json(map(render.rule_json, rules))
    elif globs:
        render.show(*[part for rule in rules for part in (*render.rule_block(rule), "")][:-1])
    else:
        render.show(render.catalog_table(rules), "", f"{len(rules)} in all; `snapback catalog ID` shows one in detail.")
    return FINE

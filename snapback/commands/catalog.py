"""`snapback catalog`: the guardrails and tripwires there are."""

from __future__ import annotations

from fnmatch import fnmatchcase

import click

from snapback.commands.options import echo_json, json_option
from snapback.errors import FINE, Refused


@click.command(short_help="What Snapback looks for.")
@click.argument("globs", metavar="[GUARDRAIL]...", nargs=-1)
@json_option
def catalog(globs: tuple[str, ...], as_json: bool) -> int:
    """What Snapback looks for; with a GUARDRAIL (an id or a glob), all about it."""
    from chalicelib import catalog as known
    from snapback import render

    rules = [rule for rule in known.all_rules() if not globs or any(fnmatchcase(rule.id, glob) for glob in globs)]
    if not rules:
        raise Refused(f"no guardrail is called {' or '.join(map(repr, globs))}; `snapback catalog` lists them")
    if as_json:
        echo_json(map(render.rule_json, rules))
    elif globs:
        render.show(*[part for rule in rules for part in (*render.rule_block(rule), "")][:-1])
    else:
        render.show(render.catalog_table(rules), "", f"{len(rules)} in all; `snapback catalog ID` tells all about one.")
    return FINE

"""`snapback catalog` and `explain`: the guardrails and tripwires there are."""

from __future__ import annotations

import json
from typing import Any

import click

from snapback.commands.options import json_option, many_option
from snapback.errors import FINE, Refused

_SEVERITIES = ("critical", "high", "medium", "low")
_MOST_NEAR = 3


@click.command(short_help="List guardrails and tripwires.")
@click.argument("globs", metavar="[GUARDRAIL]...", nargs=-1)
@many_option("--service", "services", "SERVICE", "Only this service, such as s3")
@many_option("--severity", "severities", "SEVERITY", "Only this severity", type=click.Choice(_SEVERITIES))
@click.option("--can-fix", is_flag=True, help="Only guardrails with a fix.")
@click.option("--can-undo", is_flag=True, help="Only guardrails with a fix that can be undone.")
@many_option("--control", "controls", "CONTROL", "Only this control or glob, such as S3.8 or 'CIS-5.0 2.*'")
@many_option("--technique", "techniques", "TECHNIQUE", "Only this ATT&CK technique, by ID or name, such as T1530")
@many_option("--compliance", "standards", "TEXT", "Only requirements that contain this, such as 'PCI DSS v4.0.1 1.4.4'")
@json_option
def catalog(*, can_fix: bool, can_undo: bool, as_json: bool, **filters: tuple[str, ...]) -> int:
    """List guardrails and tripwires. A GUARDRAIL is an id or a glob.

    Example: snapback catalog --service s3 --can-undo --compliance 'PCI DSS'
    """
    from snapback.catalog import entries, select
    from snapback.catalog_text import listed

    found = select(filters, can_fix=can_fix, can_undo=can_undo)
    if not found:
        services = sorted({entry["service"] for entry in entries()})
        if unknown := set(filters["services"]) - {*services}:
            raise Refused(
                f"no service {' or '.join(map(repr, sorted(unknown)))}; the services are {', '.join(services)}"
            )
        globs = filters["globs"]
        what = f"no guardrail matches {' or '.join(map(repr, globs))}" if globs else "no guardrail fits these options"
        raise Refused(f"{what}; `snapback catalog` lists all")
    if as_json:
        _echo_json(*found)
    else:
        click.echo("\n".join(listed(found)))
        click.echo(f"\n{len(found)} in all; `snapback explain GUARDRAIL` shows one in detail.")
    return FINE


@click.command(short_help="Show all about one guardrail.")
@click.argument("id", metavar="GUARDRAIL")
@json_option
def explain(id: str, *, as_json: bool) -> int:
    """Show why a guardrail matters, how to do it right, what prevents it, what its fix does and needs.

    Example: snapback explain s3.bucket_acl_made_public
    """
    from snapback.catalog import entries
    from snapback.catalog_text import card

    known = {entry["id"]: entry for entry in entries()}
    if id not in known:
        raise Refused(f"no guardrail {id!r}{_near(id, known)}")
    if as_json:
        _echo_json(known[id])
    else:
        click.echo("\n".join(card(known[id])))
    return FINE


def _near(id: str, known: dict[str, Any]) -> str:
    """The ids most like it, or that contain it: people remember a word of a name."""
    from difflib import get_close_matches

    near = get_close_matches(id, known, n=_MOST_NEAR) or [each for each in known if id and id in each]
    if len(near) > _MOST_NEAR:
        return f"; `snapback catalog '*{id}*'` lists the {len(near)} with it in their id"
    asked = f", did you mean {' or '.join(near)}?" if near else ""
    return f"{asked}; `snapback catalog` lists all"


def _echo_json(*found: Any) -> None:
    for each in found:
        click.echo(json.dumps(each, ensure_ascii=False))

"""`snapback query`: the SQL that selects, from a large log, what a replay takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

from snapback.commands.replay import as_time
from snapback.errors import FINE

if TYPE_CHECKING:
    from snapback.replay.query import Engine


@click.command(short_help="Print the SQL that selects events for a replay.")
@click.argument("engine", type=click.Choice(["athena", "lake"]))
@click.option("--from", "source", metavar="NAME", required=True, help="Athena's table, or the event data store's id.")
@click.option("--since", metavar="TIME", help="Only events from this time on (UTC), such as 2026-11-01.")
@click.option("--until", metavar="TIME", help="Only events before this time (UTC).")
def query(engine: str, source: str, since: str | None, until: str | None) -> int:
    """Print the SQL that selects what a replay takes from a log that is too large for a laptop.

    Run the statement in Athena or CloudTrail Lake, download the result as CSV or JSON, and give it to `snapback replay`.

    Example: snapback query athena --from cloudtrail_logs --since 2026-11-01
    """
    from snapback.replay.query import sql

    click.echo(sql(cast("Engine", engine), source, as_time("--since", since), as_time("--until", until)))
    return FINE

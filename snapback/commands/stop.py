"""`snapback stop` and `start`: one switch for all writes."""

from __future__ import annotations

import click

from snapback.commands.options import by_option, deployed_application, stack_option
from snapback.errors import FINE


@click.command(short_help="Stop all writes to AWS, everywhere.")
@click.option("--why", metavar="TEXT", required=True, help="Shown in chat, and by `snapback status`.")
@by_option
@stack_option
def stop(why: str, by: str | None, stack: str) -> int:
    """Stop all writes of all functions, within a minute, until `snapback start`. They go on looking, and ask instead."""
    from snapback import render

    application, caller, _ = deployed_application(stack)
    application.ledger.stopped()  # Raises NoLedger.
    application.ledger.stop(render.plain(by or caller), render.plain(why))
    render.show(
        f"All writes are {application.ledger.stopped()}",
        "Within a minute no function writes, but to the ledger; what they would fix, they ask for.",
        "`snapback start` lets them go on.",
    )
    return FINE


@click.command(short_help="Let writes go on.")
@by_option
@stack_option
def start(by: str | None, stack: str) -> int:
    """Let the functions write again, after `snapback stop`. What asked meanwhile waits for `snapback approve`."""
    from snapback import render

    application, caller, _ = deployed_application(stack)
    was = application.ledger.stopped()
    if was:
        application.ledger.start(render.plain(by or caller))
    render.show(f"Writes go on. They were {was}" if was else "Writes were not stopped.")
    return FINE

"""`snapback pause` and `resume`: one switch for all writes."""

from __future__ import annotations

import click

from snapback.commands.options import acting, by_option, deployed_application, echo_json, json_option, stack_option
from snapback.errors import FINE, Refused


@click.command(short_help="Pause all writes to AWS, everywhere.")
@click.option("--why", metavar="TEXT", required=True, help="Reason, shown in chat and by `snapback status`.")
@by_option
@stack_option
@json_option
def pause(why: str, by: str | None, stack: str, as_json: bool) -> int:
    """Pause all writes of all functions, within a minute, until `snapback resume`.

    The functions still evaluate, and ask instead of fixing.

    Example: snapback pause --why "the deployment of our pipeline goes wrong"
    """
    from snapback import render

    if not why.strip():
        raise Refused("--why is empty; write the reason, which chat and `snapback status` show")
    application, caller, _ = deployed_application(stack)
    application.ledger.paused()  # Raises NoLedger.
    application.ledger.pause(render.plain(acting(caller, by)), render.plain(why))
    if as_json:
        echo_json([{"paused": application.ledger.paused()}])
        return FINE
    render.show(
        f"All writes are {application.ledger.paused()}",
        "Within a minute, no function writes, except to the ledger. Functions ask instead of fixing.",
        "`snapback resume` resumes writes.",
    )
    return FINE


@click.command(short_help="Resume writes.")
@by_option
@stack_option
@json_option
def resume(by: str | None, stack: str, as_json: bool) -> int:
    """Resume writes after `snapback pause`. Questions from the meantime still wait for `snapback approve`.

    Example: snapback resume --by alice
    """
    from snapback import render

    application, caller, _ = deployed_application(stack)
    was = application.ledger.paused()
    if was:
        application.ledger.resume(render.plain(acting(caller, by)))
    if as_json:
        echo_json([{"paused": "", "was": was}])
    else:
        render.show(f"Writes are resumed. They were {was}" if was else "Writes were not paused.")
    return FINE

"""`snapback dlq`: dead letters, seen, sent again, dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from snapback.commands.options import (
    LEFT_UNSAFE,
    deployed_application,
    echo_json,
    json_option,
    load_settings,
    on_stderr,
    settings_option,
    stack_option,
)
from snapback.errors import FINE, FOUND, CannotRedrive, Refused, describe_error
from snapback.stderr import complain, warn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from snapback.dlq import DeadLetter, Queue, Received


@click.group(short_help="Process dead letters: failed events and messages.")
def dlq() -> None:
    """List, show, redrive or drop dead letters: events that failed in every attempt, messages that every channel refused."""


_queue_option = click.option(
    "--queue",
    "queues",
    metavar="QUEUE",
    multiple=True,
    help="events, messages, or a queue's URL; may be repeated.  [default: events and messages]",
)
_dead_letters_argument = click.argument("ids", metavar="[ID]...", nargs=-1)
_all_option = click.option("--all", "everything", is_flag=True, help="All dead letters in these queues.")


@dlq.command("list", short_help="List dead letters and their reasons.")
@_queue_option
@stack_option
@json_option
def dlq_list(queues: tuple[str, ...], stack: str, as_json: bool) -> int:
    """List dead letters and their reasons, oldest first.

    Example: snapback dlq list --queue messages
    """
    from snapback import render
    from snapback.dlq import received

    with received(queues_of(queues, stack)) as held:
        pass
    if as_json:
        echo_json(each.to_json() for each in held.dead_letters)
    else:
        render.show(*render.dead_letters_list(held.dead_letters))
        if held.elsewhere:
            render.show(f"About {held.elsewhere} more: somebody else is reading them now.")
    return FINE


@dlq.command("show", short_help="Show one dead letter and why it failed.")
@click.argument("id", metavar="ID")
@click.option("--full", is_flag=True, help="Show the whole event. It may contain secrets.")
@_queue_option
@stack_option
@json_option
def dlq_show(id: str, full: bool, queues: tuple[str, ...], stack: str, as_json: bool) -> int:
    """Show one dead letter and why it failed. ID is from `snapback dlq list`; its first characters are enough.

    Example: snapback dlq show 1a2b3c4d
    """
    from snapback import render
    from snapback.dlq import received

    with received(queues_of(queues, stack)) as held:
        (dead_letter,) = _chosen(held, (id,), everything=False)
    if full:
        warn("the event is as AWS sent it and may contain secrets; be careful where you store it")
    if as_json:
        echo_json([render.dead_letter_json(dead_letter, full=full)])
    else:
        render.show(*render.dead_letter_page(dead_letter, full=full))
    return FINE


@dlq.command("redrive", short_help="Process dead letters again.")
@_dead_letters_argument
@_all_option
@click.option("--local", is_flag=True, help="Process them here with your credentials, as `snapback handle` does.")
@settings_option
@_queue_option
@stack_option
@json_option
def dlq_redrive(
    ids: tuple[str, ...],
    everything: bool,
    local: bool,
    settings_path: Path | None,
    queues: tuple[str, ...],
    stack: str,
    as_json: bool,
) -> int:
    """Process dead letters again, by ID, in the functions where they failed.

    An event goes back to its function, which has three attempts; then the event is a dead letter again. A second look
    goes back to its queue. Messages are read again from the ledger's stream, or after a day from the ledger, and sent
    to the channels that don't have them yet. On success, the dead letter is deleted. You can repeat this safely.

    Example: snapback dlq redrive --all
    """
    from botocore.exceptions import ClientError

    from chalicelib.engine.context import describe_error as in_one_line
    from snapback.dlq import received
    from snapback.errors import CannotRedrive

    again = Again(stack, settings_path, local=local)
    with received(queues_of(queues, stack)) as held:
        for dead_letter in _chosen(held, ids, everything=everything):
            try:
                done = again.event(dead_letter) if dead_letter.event is not None else again.messages(dead_letter)
            except (CannotRedrive, ClientError) as error:
                if not isinstance(error, CannotRedrive) and describe_error(error)[0]:
                    raise
                why = str(error) if isinstance(error, CannotRedrive) else in_one_line(error)
                if as_json:
                    echo_json([{"id": dead_letter.id, "error": why}])
                again.code = complain(f"{dead_letter.id[:8]} stays: {dead_letter.what}: {why}", FOUND)
                continue
            held.delete(dead_letter)
            echo_json([{"id": dead_letter.id, "done": done}]) if as_json else click.echo(done)
    return again.code


@dlq.command("drop", short_help="Delete dead letters for good.")
@_dead_letters_argument
@_all_option
@click.option("--yes", is_flag=True, help="Don't ask.")
@_queue_option
@stack_option
@json_option
def dlq_drop(
    ids: tuple[str, ...], everything: bool, yes: bool, queues: tuple[str, ...], stack: str, as_json: bool
) -> int:
    """Delete dead letters for good, by ID: nothing processes these events, and nobody gets these messages.

    Example: snapback dlq drop 1a2b3c4d
    """
    from snapback import render
    from snapback.dlq import received

    with received(queues_of(queues, stack)) as held:
        chosen = _chosen(held, ids, everything=everything)
        if chosen and not yes:
            with on_stderr(as_json):
                render.show(*render.dead_letters_list(chosen, hint=False))
            words = f"drop {len(chosen)}"
            if click.prompt(f"To delete them for good, type {words!r}", err=True) != words:
                raise Refused("nothing was deleted")
        for dead_letter in chosen:
            held.delete(dead_letter)
    if as_json:
        echo_json({"deleted": each.id} for each in chosen)
    else:
        click.echo(f"Deleted {len(chosen)}.")
    return FINE


class Again:
    """Processes dead letters again, one by one. Returns a line with the result, or raises CannotRedrive."""

    def __init__(self, stack: str, settings_path: Path | None, *, local: bool) -> None:
        from snapback import deployed
        from snapback.replay import replay

        self.code = FINE
        self._stack, self._local = stack, local
        found, _, _ = deployed_application(stack, deployed.SPILL)
        settings = load_settings(settings_path) if local else found.settings
        self._logger = found.logger
        self._app = replay.quiet(found.home, settings, table=found.table, spill=found.spill)

    def event(self, dead_letter: DeadLetter) -> str:
        from chalicelib import catalog
        from snapback import deployed, dlq, render
        from snapback.replay.functions import DEAD
        from snapback.replay.logs import as_entry
        from snapback.replay.replay import delivered

        if dead_letter.second_look and not self._local:
            _queue_of(deployed.SECOND_LOOKS, self._stack).send(dead_letter.body)
            return render.plain(f"{dead_letter.id[:8]}  {dead_letter.what}: back in its queue; processed in a minute")
        if not self._local:
            words = (f"guard_{service}".split("_") for service in catalog.services())
            kinds = "|".join("".join(map(str.capitalize, each)) for each in words)
            arn = dlq.function_arn(dead_letter, self._app.home, self._stack, kinds)
            dlq.invoke(arn, dead_letter.event, wait=False)
            return render.plain(f"{dead_letter.id[:8]}  {dead_letter.what}: sent to {dead_letter.function_name} again")
        (done,) = delivered([as_entry(dead_letter.event, dead_letter.id)], self._app)
        if done.refused:
            raise CannotRedrive(f"{done.why}; if this is correct, drop the dead letter")
        if dead := [outcome.reason for outcome in done.outcomes if outcome.status == DEAD]:
            raise CannotRedrive("; ".join(dead))
        if any(outcome.status in LEFT_UNSAFE for outcome in done.outcomes):
            self.code = FOUND
        became = [f"{outcome.guardrail} {outcome.status}".replace("_", " ") for outcome in done.outcomes]
        return render.plain(
            f"{dead_letter.id[:8]}  {dead_letter.what}: {', '.join(became) or 'nothing that a guardrail evaluates'}"
        )

    def messages(self, dead_letter: DeadLetter) -> str:
        from chalicelib import catalog
        from chalicelib.exports import deliver
        from chalicelib.notify import drain, outbox
        from snapback import dlq, render

        self._app.logger = self._logger  # The log names the channel that refused, and why.
        if (dead_letter.batch, dead_letter.message, dead_letter.unread) == (None, None, None):
            raise CannotRedrive("unknown kind of dead letter: read it with `snapback dlq show`, then drop it")
        to_tools = "-Exports-" in dead_letter.function_name
        send: Callable[[Any], Any] = lambda event: outbox.notify(self._app, event, None)  # noqa: E731 - one of three
        if not self._local:
            arn = dlq.function_arn(dead_letter, self._app.home, self._stack, "Notify|Exports")
            send = lambda event: dlq.invoke(arn, event, wait=True)  # noqa: E731 - one of three
        elif to_tools and not self._app.sinks:
            raise CannotRedrive("the settings have no tool under `exports`; add one, or redrive without --local")
        elif to_tools:
            send = lambda event: deliver.deliver(self._app, event, None, catalog.rule)  # noqa: E731 - one of three
        elif not self._app.channels:
            raise CannotRedrive("the settings have no channel; add one, or redrive without --local")
        if dead_letter.message is not None:
            done = dlq.message_again(dead_letter, send)
            if self._local:
                drain.drain(self._app)
            return render.plain(f"{dead_letter.id[:8]}  {dead_letter.what}: {done}")
        if dead_letter.unread is not None:
            done = dlq.record_again(dead_letter, self._app.ledger, send)
            return render.plain(f"{dead_letter.id[:8]}  {done}")
        count = dlq.messages_again(dead_letter, self._app.ledger, self._app.table, send)
        return f"{dead_letter.id[:8]}  processed {count} items of the ledger; unsent messages are sent or held"


def queues_of(named: tuple[str, ...], stack: str) -> list[Queue]:
    """The queues named by content or by URL, or both queues of the stack."""
    from snapback import deployed
    from snapback.dlq import Queue

    outputs = {"events": deployed.DEAD_LETTERS, "messages": deployed.FAILED_MESSAGES}
    named = tuple(dict.fromkeys(named or outputs))
    if odd := [each for each in named if each not in outputs and not each.startswith(("https://", "http://"))]:
        raise Refused(f"--queue {odd[0]}: must be events, messages, or a queue's URL, which starts with https://")
    parts = deployed.parts(stack, *(outputs[each] for each in named if each in outputs))
    urls = [parts.get(outputs.get(each, ""), "") if each in outputs else each for each in named]
    if "" in urls:
        variable = deployed.VARIABLES[outputs[named[urls.index("")]]]
        raise Refused(
            f"can't find the queue of {named[urls.index('')]}: no stack {stack!r} in {_region()}; pass --stack NAME or "
            f"--queue URL, or set {variable} or AWS_REGION"
        )
    return [Queue(url) for url in urls]


def _region() -> str:
    import boto3

    return boto3.Session().region_name or "no region"


def _queue_of(output: str, stack: str) -> Queue:
    """Raises CannotRedrive if no stack has this output."""
    from snapback import deployed
    from snapback.dlq import Queue

    if url := deployed.parts(stack, output).get(output):
        return Queue(url)
    raise CannotRedrive(
        f"no stack {stack!r} with the output {output} in {_region()}; pass --stack NAME, set "
        f"{deployed.VARIABLES[output]}, or process it here with --local"
    )


def _chosen(held: Received, ids: tuple[str, ...], *, everything: bool) -> list[DeadLetter]:
    """The chosen dead letters, by the first characters of their ids."""
    if everything == bool(ids):
        alone = " alone" if ids else ""
        raise Refused(f"pass ids from `snapback dlq list`, or --all{alone}")
    if everything:
        return list(held.dead_letters)
    chosen = []
    for start in ids:
        fitting = (
            [dead_letter for dead_letter in held.dead_letters if dead_letter.id.startswith(start)] if start else []
        )
        if len(fitting) != 1:
            what = f"{len(fitting)} dead letters begin with" if fitting else "there is no dead letter"
            hint = "; somebody else may be reading it now" if held.elsewhere and not fitting else ""
            raise Refused(f"{what} {start!r}; `snapback dlq list` shows them{hint}")
        chosen += fitting
    return list({dead_letter.id: dead_letter for dead_letter in chosen}.values())

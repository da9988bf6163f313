"""What the command line writes to stderr."""

from __future__ import annotations

import click

from snapback.errors import FINE


def complain(text: str, code: int) -> int:
    """Each line on stderr after `snapback:`, a diff's as they are."""
    from snapback.render import plain

    for line in text.splitlines():
        head = "" if line[:2] in ("- ", "+ ", "… ") else "snapback: "
        click.echo(f"{head}{plain(line)}", err=True)
    return code


def warn(problem: object) -> None:
    complain(f"warning: {problem}", FINE)

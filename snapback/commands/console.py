"""`snapback console`: findings and operations in a browser on this machine."""

from __future__ import annotations

from pathlib import Path

import click
from msgspec.structs import replace

from snapback.commands.options import HERE, deployed_application, load_settings, settings_option, stack_option
from snapback.errors import FINE, Refused


@click.command(short_help="Work in a browser on this machine.")
@click.argument("file", metavar="[FILE]", type=click.Path(path_type=Path), required=False)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1.  [default: one that is free]"
)
@click.option("--no-open", is_flag=True, help="Don't open the browser; only print the address.")
@settings_option
@stack_option
def console(file: Path | None, port: int, no_open: bool, settings_path: Path | None, stack: str) -> int:
    """Show the ledger's records in a browser, and decide, with your own AWS credentials. Ctrl-C ends it.

    Only this machine can reach the console, and only the browser that opens the printed address first. With FILE, which
    replay, sweep or records wrote with --result, it needs no AWS and is read only.

    Example: snapback console build/demo.json
    """
    from snapback.console.live import Live
    from snapback.console.serve import serve
    from snapback.console.sources import FileSource
    from snapback.report.result import read_result

    def started(address: str) -> None:
        click.echo(f"Open {address} (once, in one browser). Ctrl-C ends the console.")
        if not no_open:
            click.launch(address)

    if file is not None:
        source: FileSource | Live = FileSource(read_result(file))
    else:
        from snapback import deployed
        from snapback.account_names import account_names

        settings = load_settings(settings_path)
        settings = replace(settings, account_names=dict(account_names()))
        path = settings_path or (HERE if HERE.is_file() else None)
        queues = (deployed.DEAD_LETTERS, deployed.FAILED_MESSAGES)
        source = Live(
            lambda: deployed_application(stack, *queues, settings=settings),
            stack,
            settings,
            str(path.resolve()) if path else "",
        )
    try:
        serve(source, started, port)
    except OSError as error:
        raise Refused(f"can't listen on 127.0.0.1:{port}: {error.strerror}; pass another --port") from error
    except KeyboardInterrupt:
        click.echo("The console has ended.", err=True)
    return FINE

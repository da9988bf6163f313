"""The operator's command line. Commands import what they need when they run, so that `--help` is quick."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Any

import click

from snapback.project import AnothersCode, check_installation

try:
    check_installation()
except AnothersCode as wrong:
    click.echo(f"snapback: {wrong}", err=True)
    sys.exit(2)

from snapback.errors import BAD, FINE, INTERRUPTED, PIPE, describe_error
from snapback.stderr import complain

_GROUPS = {
    "Try it": ("demo", "replay", "report", "query", "handle"),
    "Guardrails and settings": ("catalog", "explain", "settings"),
    "Findings": ("records", "show", "fix", "approve", "undo", "sweep"),
    "Operate": ("console", "status", "doctor", "permissions", "accounts", "pause", "resume", "dlq", "chat"),
    "Deploy": ("package", "deploy", "selftest", "destroy"),
}
"""The commands as `snapback --help` lists them."""
_MODULES = {
    "replay": ("replay", "handle", "demo"),
    "report": ("report",),
    "console": ("console",),
    "query": ("query",),
    "sweep": ("sweep",),
    "catalog": ("catalog", "explain"),
    "records": ("records", "show"),
    "decide": ("undo", "approve", "fix"),
    "status": ("status", "doctor", "accounts"),
    "permissions": ("permissions",),
    "pause": ("pause", "resume"),
    "dlq": ("dlq",),
    "chat": ("chat",),
    "settings": ("settings",),
    "selftest": ("selftest",),
    "deploy": ("package", "deploy", "destroy"),
}
"""The commands of each module of snapback.commands."""
_CHANGE_SOMETHING = frozenset(
    {"handle", "settings", "undo", "approve", "fix", "pause", "resume", "dlq", "chat", "selftest", "package", "deploy", "destroy"}
)  # fmt: skip
"""What an interrupt may leave half done. A sweep says itself how far it came."""
_PARTLY = "a part may be done; run the command again to do the rest"


class _Commands(MutableMapping[str, click.Command]):
    """The commands by their names, each imported when it is asked for: `snapback catalog` needs no other."""

    def __init__(self) -> None:
        self._modules = {name: module for module, names in _MODULES.items() for name in names}

    def __getitem__(self, name: str) -> click.Command:
        found: click.Command = getattr(import_module(f"snapback.commands.{self._modules[name]}"), name)
        return found

    def __setitem__(self, name: str, command: click.Command) -> None:
        raise TypeError(f"{name}: name its module in _MODULES")

    def __delitem__(self, name: str) -> None:
        del self._modules[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)


class _Cli(click.Group):
    """Prints an error that a person can cause in one line, and a fault in Snapback with its traceback."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, names in _GROUPS.items():
            with formatter.section(title):
                formatter.write_dl(
                    [
                        (name, command.get_short_help_str(80))
                        for name in names
                        if (command := self.get_command(ctx, name))
                    ]
                )

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # As `snapback catalog | head -1`: whoever read has enough.
            _drop_stdout()
            return PIPE
        except KeyboardInterrupt:
            kept = _PARTLY if ctx.invoked_subcommand in _CHANGE_SOMETHING else "nothing was changed"
            return complain(f"interrupted: {kept}", INTERRUPTED)
        except click.Abort as abort:  # At a question, which comes before anything is done.
            click.echo(err=True)
            if isinstance(abort.__context__, EOFError):
                more = "" if ctx.invoked_subcommand == "undo" else "; pass --yes to go on without the question"
                return complain(f"nobody answered, so nothing was changed{more}", BAD)
            return complain("interrupted: nothing was changed", INTERRUPTED)

    def main(self, *args: Any, **extra: Any) -> Any:
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        try:
            code = super().main(*args, **{**extra, "standalone_mode": False})
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            code = BAD
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else "snapback"
            code = complain(f"{error.format_message().rstrip('.')}; see `{command} --help`", BAD)
        except click.ClickException as error:
            code = complain(error.format_message(), BAD)
        except click.Abort:
            code = complain("interrupted: nothing was changed", INTERRUPTED)
        except Exception as error:  # noqa: BLE001 - printed as one line, or with its traceback
            line, code = describe_error(error)
            if line:
                complain(line, code)
            else:
                import traceback

                traceback.print_exc()
        sys.exit(_flushed(code if isinstance(code, int) else FINE))


def _flushed(code: int) -> int:
    """What is still to be written goes out now, while an error can be told."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_stdout()
        code = PIPE
    except OSError as error:
        line, code = describe_error(error)
        complain(line or f"can't write to the standard output: {error.strerror}", code)
        _drop_stdout()
        code = BAD
    return code


def _drop_stdout() -> None:
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - Python flushes it once more at its end


@click.group(
    cls=_Cli, commands=_Commands(), context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120}
)
@click.version_option(package_name="snapback-aws", message="%(version)s")
def main() -> None:
    """Find unsafe changes in AWS and fix them. Snapback records each fix first, proves it, and can undo it.

    Exit codes: 0 success; 1 something unsafe remains, or the action was refused or failed; 2 wrong usage, bad input,
    or AWS can't be reached; 3 a fault in Snapback, shown with its traceback; 130 interrupted; 141 nobody reads the output.
    """
    if region := os.environ.get(
        "AWS_REGION"
    ):  # boto3 reads only AWS_DEFAULT_REGION; the AWS CLI and the SDKs read both.
        os.environ["AWS_DEFAULT_REGION"] = region

"""`snapback report`, and the options by which replay, sweep and records write a report too."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from snapback.errors import FINE, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from snapback.report.result import Result

_FORMATS = {
    "html": "Write a report as one HTML file, for any browser.",
    "result": "Write the result as JSON, for `snapback console FILE` and `snapback report FILE`.",
    "ocsf": "Write OCSF Detection Findings as JSON lines.",
    "sarif": "Write SARIF 2.1.0, for code scanning tools.",
    "compliance": "Write the findings of each compliance requirement as CSV.",
    "csv": "Write one CSV line per finding.",
}


def report_options(*, csv: bool = True) -> Callable[[Any], Any]:
    """Options that each write a file with mode 0600; `csv` unless the command has its own. `Reports.of` takes them out again."""

    def decorate(command: Any) -> Any:
        for name, text in _FORMATS.items():
            if name != "csv" or csv:
                path = click.Path(path_type=Path, dir_okay=False)
                command = click.option(f"--{name}", f"{name}_to", metavar="FILE", type=path, help=text)(command)
        return command

    return decorate


def spare(read: Iterable[str | Path], written: Mapping[str, str | Path | None]) -> None:
    """Raises Refused where an option would overwrite a file that the command reads, itself or in a folder."""
    inputs = [Path(each).resolve() for each in read]
    for option, path in written.items():
        there = Path(path).resolve() if path and str(path) != "-" else None
        if there and there.is_file() and any(there.is_relative_to(each) for each in inputs):
            raise Refused(f"{option} {path} would overwrite what is read; name another file")


class Reports:
    """The files to write about one result; false where there are none."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self.paths = dict(paths)
        resolved = [path.resolve() for path in self.paths.values()]
        if len(set(resolved)) < len(resolved):
            raise Refused("each report needs a file of its own")
        for name, path in self.paths.items():
            if str(path) == "-":
                raise Refused(f"--{name} -: a report is a file; name one")
            if not path.parent.is_dir():
                raise Refused(f"--{name} {path}: there is no folder {path.parent}; make it first")

    @classmethod
    def of(cls, options: dict[str, Any], read: Iterable[str | Path] = ()) -> Reports:
        """Takes the options of `report_options` out of a command's options. Raises Refused before any work is done.

        `read` is what the command reads.
        """
        found = {name: options.pop(f"{name}_to", None) for name in _FORMATS}
        paths = {name: path for name, path in found.items() if path is not None}
        spare(read, {f"--{name}": path for name, path in paths.items()})
        return cls(paths)

    def __bool__(self) -> bool:
        return bool(self.paths)

    def write(self, result: Result) -> None:
        """Write each file, and say where on stderr. Raises Refused."""
        from snapback.private_file import write_private
        from snapback.report.exports import WRITERS
        from snapback.report.page import report_page
        from snapback.report.result import write_result

        for name, path in self.paths.items():
            if name == "result":
                write_result(path, result)
            else:
                write_private(path, report_page(result) if name == "html" else WRITERS[name](result))
            click.echo(f"Wrote {path}", err=True)


@click.command(short_help="Write a report of an earlier result.")
@click.argument("file", type=click.Path(path_type=Path))
@report_options()
def report(file: Path, **options: Any) -> int:
    """Write a report of FILE, which replay, sweep or records wrote with --result. Needs no AWS.

    Example: snapback report found.json --html found.html, after: snapback replay --result found.json ~/cloudtrail-logs/
    """
    from snapback.report.result import read_result

    reports = Reports.of(options, [file])
    if not reports:
        raise Refused(f"nothing to write: pass {', '.join(f'--{name} FILE' for name in _FORMATS if name != 'result')}")
    reports.write(read_result(file))
    return FINE

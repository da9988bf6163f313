"""`snapback package`, `deploy` and `destroy`."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from snapback.commands.options import HERE, echo_json, json_option, on_interrupt, on_stderr, stack_option
from snapback.errors import Refused, describe_error
from snapback.stderr import warn

if TYPE_CHECKING:
    from collections.abc import Iterator

    import boto3


def _pairs(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs = {name: value for name, is_, value in (each.partition("=") for each in values) if name and is_}
    if len(pairs) < len(values):
        raise click.BadParameter(f"{' '.join(values)!r}: give each as NAME=VALUE, once")
    return pairs


out_option = click.option(
    "--out",
    metavar="FOLDER",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build/package"),
    show_default=True,
    help="Where to write the package.",
)


emulator_option = click.option(
    "--emulator",
    is_flag=True,
    help="Package this machine's libraries instead of Lambda's, for an AWS emulator.",
)


@click.command("package", short_help="Build the zip and the templates.")
@click.argument("path", metavar="[SETTINGS]", type=click.Path(path_type=Path), default=HERE)
@emulator_option
@out_option
@json_option
def package(path: Path, emulator: bool, out: Path, as_json: bool) -> None:
    """Build the functions' zip with SETTINGS (snapback.yaml), the templates, an SBOM and the hashes.

    Needs no AWS access. The command downloads Lambda's libraries once and checks their hashes against Snapback's lock.

    Example: snapback package snapback.yaml
    """
    with _in_one_line(), on_stderr(as_json):
        _package(path, out, emulator=emulator)
    if as_json:
        echo_json({"file": str(each)} for each in sorted(out.iterdir()) if each.is_file())


@click.command("deploy", short_help="Create or update the stack.")
@click.argument("parameters", metavar="[PARAMETER=VALUE]...", nargs=-1, callback=_pairs)
@click.option("--bucket", metavar="NAME", default="", help="Your bucket for the zip and the template, in this region.")
@click.option("--settings", "path", metavar="FILE", type=click.Path(path_type=Path), default=HERE, show_default=True)
@click.option(
    "--tag", "tags", metavar="NAME=VALUE", multiple=True, callback=_pairs, help="Tag every resource that supports tags."
)
@click.option("--uncommitted", is_flag=True, help="Deploy settings that aren't committed to git.")
@click.option(
    "--without-bytecode", is_flag=True, help="Deploy functions that start slowly, without the runtime's Python here."
)
@emulator_option
@out_option
@stack_option
@json_option
def deploy(
    parameters: dict[str, str],
    bucket: str,
    path: Path,
    tags: dict[str, str],
    uncommitted: bool,
    without_bytecode: bool,
    emulator: bool,
    out: Path,
    stack: str,
    as_json: bool,
) -> None:
    """Package, upload, and create or update the stack, in the account and region of your environment.

    The command refuses a change set that would replace or remove the ledger.

    Example: snapback deploy --bucket BUCKET AlarmEmail=oncall@example.com
    """
    import json

    from snapback.deploy.cloudformation import Stack, checked_in, files, is_aws

    with _in_one_line(), on_stderr(as_json), on_interrupt(lambda: "nothing was deployed"):
        session = _session()
        if emulator and is_aws(session.client("s3")):
            raise Refused("--emulator needs an AWS emulator: Lambda can't run this machine's libraries")
        if not bucket:
            raise Refused("pass --bucket (make: BUCKET=): your bucket for the zip and the template, in this region")
        if not uncommitted:
            checked_in(path)
        home = session.client("sts").get_caller_identity()["Account"]
        _package(path, out, emulator=emulator, without_bytecode=without_bytecode, home=home)
        _say_where(session, stack, home)
        template = json.loads((out / "sam.json").read_text())
        named = files(template, out)
        with on_interrupt(
            lambda: (
                f"what CloudFormation began on {stack} goes on without this command; run it again to see, or to go on"
            )
        ):
            outputs = Stack(stack, session).deploy(
                template, named, bucket, parameters, {"application": "snapback", **tags}
            )
    if as_json:
        echo_json([outputs])
        return
    for name, value in sorted(outputs.items()):
        click.echo(f"  {name:20} {value}")


@click.command("destroy", short_help="Remove the stack, but keep the ledger.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@stack_option
@json_option
def destroy(yes: bool, stack: str, as_json: bool) -> None:
    """Remove everything except the ledger and its overflow bucket, and print their names.

    Example: snapback destroy --stack snapback-test
    """
    from snapback.deploy.cloudformation import Stack

    with _in_one_line(), on_stderr(as_json):
        session = _session()
        _say_where(session, stack)
        if not yes and click.prompt(f"To remove {stack}, type its name", err=True) != stack:
            raise Refused("nothing was removed")
        kept = Stack(stack, session).destroy()
    if as_json:
        echo_json({"kept": each} for each in kept)
        return
    click.echo(f"Removed {stack}. These remain, with the records, until you delete them:")
    for each in kept:
        click.echo(f"  {each}")


def _package(path: Path, out: Path, *, emulator: bool, without_bytecode: bool = True, home: str = "") -> None:
    """With `home`, the account that it is deployed to, functions get the names of its organization's accounts."""
    from snapback.account_names import for_functions
    from snapback.project import project
    from snapback.settings_file import read_settings

    try:
        from snapback.deploy import package as library
        from snapback.deploy import sbom, wheels
    except ModuleNotFoundError as error:
        raise Refused(f"packaging needs {error.name}: pip install 'snapback-aws[deploy]'") from error
    if not path.is_file():
        raise Refused(f"{path}: no such file; copy {project('snapback.yaml')} and edit it")
    fill, compiler = (library.from_here, sys.executable) if emulator else (wheels.install, wheels.runtime_python())
    lacking = f"bytecode needs Python {wheels.RUNTIME} on this machine (uv python install {wheels.RUNTIME})"
    if not compiler and not without_bytecode:
        raise Refused(f"the package would have no bytecode and start slowly: {lacking}; or pass --without-bytecode")
    found = read_settings(path, warn=warn)
    if home and found.organization_role:
        found = for_functions(found, home, warn)
    library.package(found, out, fill, compiler=compiler)
    names = sbom.write(out, wheels.WHEELS)
    for name in names:
        if name.endswith(".zip"):
            click.echo(f"{out / name}: {(out / name).stat().st_size / 1e6:.1f} MB")
    click.echo(f"{out / sbom.SUMS}: the hashes of {', '.join(names)}")
    if not compiler:
        click.echo(f"the package has no bytecode, so cold starts are slower: {lacking}")


def _session() -> boto3.Session:
    import boto3

    session = boto3.Session()
    if not session.region_name:
        raise Refused("no AWS region; set AWS_REGION (IAM reports only in us-east-1: see docs/deploy.md)")
    return session


def _say_where(session: boto3.Session, stack: str, account: str = "") -> None:
    account = account or session.client("sts").get_caller_identity()["Account"]
    click.echo(f"account {account}, region {session.region_name}, stack {stack}")


@contextmanager
def _in_one_line() -> Iterator[None]:
    """Whatever AWS refuses during a deploy is about the account, and no fault in Snapback."""
    from botocore.exceptions import BotoCoreError, ClientError

    from snapback.errors import CannotDeploy

    try:
        yield
    except CannotDeploy as error:
        raise Refused(str(error)) from error
    except (BotoCoreError, ClientError) as error:
        if describe_error(error)[0]:
            raise
        raise Refused(str(error)) from error

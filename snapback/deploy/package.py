"""build/package/: the zip and the SAM template, made by Chalice from a clean tree; needs no AWS and no network."""

from __future__ import annotations

import compileall
import json
import os
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from snapback.deploy import sbom
from snapback.deploy.iam_policies import functions, policy_of
from snapback.deploy.template import member
from snapback.deploy.template.roles import boundary_template
from snapback.deploy.template.whole import template
from snapback.deploy.wheels import RUNTIME, TARGET, WHEELS, pip
from snapback.settings_file import read_settings, to_json

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build"
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
MEMORY = {"notify": 256, "exports": 256, "act": 512, "api_handler": 1024, "canary": 256, "canary_echo": 256}


def package(settings: Path, build: Path, fill: Callable[[Path], None], *, python: str) -> Path:
    """The folder with deployment.zip, sam.json, member.json and boundary.json; `fill` puts what the functions need into vendor/.

    The zip holds bytecode if this is the Python that it is for. Raises BadSettings.
    """
    stage, out = build / "stage", build / "package"
    _stage_tree(stage, settings)
    fill(stage / "vendor")
    if python == HERE:
        _compile(stage)
    merge = _configure(stage)
    shutil.rmtree(out, ignore_errors=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    subprocess.run(
        [str(Path(sys.executable).parent / "chalice"), "package", "--stage", "prod", "--merge-template", str(merge), str(out)],
        cwd=stage, check=True, stdout=subprocess.DEVNULL,
        env={**environment, "AWS_DEFAULT_REGION": "us-east-1", "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    settle(out / "deployment.zip")
    for name, made in {"member": member.template(), "boundary": boundary_template()}.items():
        (out / f"{name}.json").write_text(json.dumps(made, separators=(",", ":")))
    return out


def from_wheels(vendor: Path) -> None:
    """For Lambda."""
    pip("install", "--no-deps", "--no-index", f"--find-links={WHEELS}", "--require-hashes", *TARGET,
        "--no-compile", "--target", str(vendor), "-r", str(ROOT / "requirements.txt"))  # fmt: skip
    for unused in (*vendor.glob("*.dist-info/RECORD"), vendor / "bin"):
        shutil.rmtree(unused) if unused.is_dir() else unused.unlink(missing_ok=True)


def from_here(vendor: Path) -> None:
    """The same packages as they are installed here: for tests and benchmarks, which can't run Lambda's."""
    lines = (ROOT / "requirements.txt").read_text().replace("\\\n", " ").split("\n")
    wanted = [Requirement(line.partition(" --hash")[0]) for line in lines if line[:1].isalnum()]
    for each in wanted:
        if each.marker and not each.marker.evaluate():
            continue
        for file in metadata.distribution(each.name).files or ():
            if ".." in file.parts or "__pycache__" in file.parts or file.name == "RECORD":
                continue
            target = vendor / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(file.locate()), target)


def _stage_tree(stage: Path, settings: Path) -> None:
    """What goes to Lambda, and nothing else."""
    shutil.rmtree(stage, ignore_errors=True)
    for name in tracked():
        target = stage / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
        target.chmod(0o644)
    (stage / "requirements.txt").write_text("")  # Chalice would fetch and build them; they are in vendor/.
    (stage / "chalicelib" / "settings.json").write_bytes(to_json(read_settings(settings)))


def tracked() -> list[str]:
    """The files of app.py, chalicelib/ and .chalice/ that git knows or would; caches are left out."""
    found = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "app.py", "chalicelib", ".chalice"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.split("\n")  # fmt: skip
    return [name for name in found if name and (ROOT / name).is_file()]


def _compile(stage: Path) -> None:
    """Bytecode that stays valid in the zip."""
    unchecked = compileall.py_compile.PycInvalidationMode.UNCHECKED_HASH  # type: ignore[attr-defined]
    for folder in ("vendor", "chalicelib"):
        compileall.compile_dir(stage / folder, quiet=1, invalidation_mode=unchecked, stripdir=str(stage), workers=1)


def _configure(stage: Path) -> Path:
    """Chalice's config with a policy for each function, and the merge template; answers the latter's path."""
    config_file = stage / ".chalice" / "config.json"
    config = json.loads(config_file.read_text())
    for one in config["stages"].values():
        one["lambda_functions"] = {
            name: {"iam_policy_file": f"policies/{name}.json", "lambda_memory_size": MEMORY.get(name, 512)}
            for name in functions()
        }
    config_file.write_text(json.dumps(config, indent=2))
    for name in functions():
        (stage / ".chalice" / "policies" / f"{name}.json").write_text(json.dumps(policy_of(name)))
    merge = stage.parent / "merge.json"
    merge.write_text(json.dumps(template(), indent=2))
    return merge


def settle(archive: Path) -> None:
    """The same files, sorted and without their times, so that the same tree is the same zip, bit for bit."""
    with zipfile.ZipFile(archive) as made:
        files = {name: made.read(name) for name in sorted(made.namelist())}
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as settled:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)  # Its time is 1980-01-01.
            entry.external_attr, entry.compress_type = 0o100644 << 16, zipfile.ZIP_DEFLATED
            settled.writestr(entry, content)


def main(arguments: list[str]) -> int:
    settings = Path(arguments[0]) if arguments else ROOT / "snapback.yaml"
    out = package(settings, BUILD, from_wheels, python=RUNTIME)
    size = (out / "deployment.zip").stat().st_size
    print(f"{out.relative_to(ROOT)}: deployment.zip ({size / 1e6:.1f} MB), sam.json ({len(functions())} functions)")
    print(f"{sbom.SUMS}: the hashes of {', '.join(sbom.write(out, BUILD / 'stage' / 'vendor', WHEELS))}")
    print(
        f".pyc for Python {RUNTIME} are in the package" if HERE == RUNTIME else
        f"no .pyc in the package: they need Python {RUNTIME}, this is {HERE} (cold starts are a little slower)"
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

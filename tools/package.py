"""build/package/: the zip and the SAM template, made by Chalice from a clean tree; needs no AWS and no network."""

from __future__ import annotations

import compileall
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from chalicelib import catalog
from infra.template import template
from snapback.settings_file import read_settings, to_json
from tools import sbom
from tools.policies import functions, logical_id
from tools.wheels import RUNTIME, TARGET, WHEELS, pip

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build"
STAGE, OUT = BUILD / "stage", BUILD / "package"
MEMORY = {"notify": 256, "act": 512, "canary": 256, "canary_echo": 256}


def stage_tree(settings: Path) -> None:
    """What goes to Lambda, and nothing else, in build/stage."""
    shutil.rmtree(STAGE, ignore_errors=True)
    for name in tracked():
        target = STAGE / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
        target.chmod(0o644)
    (STAGE / "requirements.txt").write_text("")  # Chalice would fetch and build them; they are in vendor/.
    (STAGE / "chalicelib" / "settings.json").write_bytes(to_json(read_settings(settings)))
    pip("install", "--no-deps", "--no-index", f"--find-links={WHEELS}", "--require-hashes", *TARGET,
        "--no-compile", "--target", str(STAGE / "vendor"), "-r", str(ROOT / "requirements.txt"))  # fmt: skip
    for unused in (*(STAGE / "vendor").glob("*.dist-info/RECORD"), STAGE / "vendor" / "bin"):
        shutil.rmtree(unused) if unused.is_dir() else unused.unlink(missing_ok=True)


def tracked() -> list[str]:
    """The files of app.py, chalicelib/ and .chalice/ that git knows or would; caches are left out."""
    found = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "app.py", "chalicelib", ".chalice"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.split("\n")  # fmt: skip
    return [name for name in found if name and (ROOT / name).is_file()]


def compile_tree() -> str:
    """Bytecode that stays valid in the zip, if this is the runtime's Python; answers what was done."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    if here != RUNTIME:
        return f"no .pyc in the package: they need Python {RUNTIME}, this is {here} (cold starts are a little slower)"
    unchecked = compileall.py_compile.PycInvalidationMode.UNCHECKED_HASH  # type: ignore[attr-defined]
    for folder in ("vendor", "chalicelib"):
        compileall.compile_dir(STAGE / folder, quiet=1, invalidation_mode=unchecked, stripdir=str(STAGE), workers=1)
    return f".pyc for Python {RUNTIME} are in the package"


def configure() -> Path:
    """Chalice's config with a policy for each function, and the merge template; answers the latter's path."""
    config_file = STAGE / ".chalice" / "config.json"
    config = json.loads(config_file.read_text())
    for stage in config["stages"].values():
        stage["lambda_functions"] = {
            name: {"iam_policy_file": f"policies/{name}.json", "lambda_memory_size": MEMORY.get(name, 512)}
            for name in functions()
        }
    config_file.write_text(json.dumps(config, indent=2))
    merge = BUILD / "merge.json"
    logical = tuple(logical_id(name) for name in functions())
    patterns = {logical_id(f"guard_{service}"): catalog.pattern(service) for service in catalog.services()}
    merge.write_text(json.dumps(template(logical, patterns, f"python{RUNTIME}"), indent=2))
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
    stage_tree(settings)
    compiled = compile_tree()
    merge = configure()
    shutil.rmtree(OUT, ignore_errors=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    subprocess.run(
        [str(Path(sys.executable).parent / "chalice"), "package", "--stage", "prod", "--merge-template", str(merge), str(OUT)],
        cwd=STAGE, check=True, stdout=subprocess.DEVNULL,
        env={**environment, "AWS_DEFAULT_REGION": "us-east-1", "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    settle(OUT / "deployment.zip")
    size = (OUT / "deployment.zip").stat().st_size
    print(f"{OUT.relative_to(ROOT)}: deployment.zip ({size / 1e6:.1f} MB), sam.json ({len(functions())} functions)")
    print(f"{sbom.SUMS}: the hashes of {', '.join(sbom.write(OUT, STAGE / 'vendor', WHEELS))}")
    print(compiled)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

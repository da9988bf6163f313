"""What people install, tried as they do: wheel and sdist, a clean environment with the wheel alone, a folder elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from zipfile import ZipFile

from snapback.deploy.package import MADE, NOTIFY_ZIP

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
MOST_PACKAGES, MOST_MEGABYTES = 55, 130
AUTHOR = '''
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

from snapback.rules import Event, Fix, FixContext, Resource, Session, Severity, State, cloudtrail, guardrail


@dataclass(frozen=True, slots=True)
class Queue(Resource):
    cloudformation_type: ClassVar[str] = "AWS::SQS::Queue"

    @property
    def arn(self) -> str:
        return f"arn:aws:sqs:{self.region}:{self.account}:{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        reveal_type(event.actor)
        yield cls(event.name, event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        yield cls("one", aws.account, aws.region)


class Close(Fix[Queue]):
    """Close it."""

    reads = ("sqs:GetQueueAttributes",)
    writes = ("sqs:SetQueueAttributes",)

    def read(self, resource: Queue, aws: Session) -> State:
        return {"open": resource.id == aws.region}

    def safe(self, state: State, context: FixContext) -> State:
        reveal_type(context.baseline)
        return {"open": False}

    def write(self, resource: Queue, state: State, aws: Session) -> None:
        pass


@guardrail(severity=Severity.HIGH, resource=Queue, on=cloudtrail("sqs", "CreateQueue"), reads=Close.reads, fix=Close())
def queue_open(queue: Queue, aws: Session) -> str | None:
    """Queue open."""
    return f"{queue.id} in {aws.region} is open"


reveal_type(queue_open)
reveal_type(queue_open.fix)
reveal_type(queue_open.severity)
'''
WRONG = AUTHOR.replace("severity=Severity.HIGH", 'severity="high"').replace("in {aws.region}", "in {aws.regions}")


class NotAsPromised(Exception):
    """Says in one line what isn't."""


def main() -> int:
    began = time.perf_counter()
    try:
        with TemporaryDirectory() as made:
            print(f"check-wheel: {', '.join(check(Path(made)))}, {time.perf_counter() - began:.0f} s")
    except NotAsPromised as error:
        print(f"check-wheel: {error}", file=sys.stderr)
        return 1
    return 0


def check(folder: Path) -> list[str]:
    """Figures, for the summary. Raises NotAsPromised."""
    wheel = built(folder)
    clean, elsewhere = Clean(folder), folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "snapback.yaml").write_bytes((ROOT / "snapback.yaml").read_bytes())
    clean.install("--require-hashes", "-r", str(ROOT / "requirements" / "base.txt"))
    clean.install("--no-deps", str(wheel))
    packages, megabytes = clean.size()
    wanted(packages <= MOST_PACKAGES, f"{packages} packages are more than {MOST_PACKAGES}")
    wanted(megabytes <= MOST_MEGABYTES, f"{megabytes:.0f} MB are more than {MOST_MEGABYTES}")
    story = clean.site / "snapback" / "story" / "events.jsonl"
    for arguments, codes, says in (
        (["demo", "--html", "d.html", "--result", "d.json"], {0}, "Open d.html in a browser"),
        (["console", "none.json"], {2}, "can't read none.json"),
        (["replay", str(story), "--mode", "fix"], {0, 1}, "fixed, "),
        (["settings", "check"], {0}, ": fine."),
        (["package"], {2}, "pip install 'snapback-aws[deploy]'"),
    ):
        clean.run("snapback", *arguments, codes=codes, says=says)
    other = folder / "chalice"
    (other / "chalicelib").mkdir(parents=True)
    (other / "chalicelib" / "__init__.py").touch()
    clean.run("snapback", "demo", codes={2}, says="another application's", path=other)
    typed(folder, clean)
    clean.install(f"{wheel}[deploy]", "-c", str(ROOT / "requirements" / "dev.txt"))
    clean.run("snapback", "package", codes={0}, says="deployment.zip")
    same_package(elsewhere / "build" / "package", folder / "from-checkout")
    size = wheel.stat().st_size
    return [
        f"{packages} packages",
        f"{megabytes:.0f} MB installed",
        f"wheel {size / 1e6:.2f} MB",
        "the same zip as here",
    ]


def built(folder: Path) -> Path:
    """The wheel, made from the sdist, after the same was made from here."""
    build = [str(BIN / "uv"), "build", "-q", "--no-build-isolation", "--python", sys.executable, str(ROOT)]
    for options in (["--out-dir", str(folder / "sdist")], ["--wheel", "--out-dir", str(folder / "here")]):
        done = subprocess.run([*build, *options], capture_output=True, text=True, check=False)
        wanted(done.returncode == 0, f"uv build: {done.stderr.strip()[-500:]}")
    (wheel,), (other,) = ((folder / name).glob("*.whl") for name in ("sdist", "here"))
    wanted(wheel.read_bytes() == other.read_bytes(), "the sdist makes another wheel than the checkout")
    names = ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names if ".dist-info/" not in name}
    wanted(tops == {"chalicelib", "snapback"}, f"the wheel installs {', '.join(sorted(tops))}")
    wanted({"chalicelib/py.typed", "snapback/py.typed"} <= {*names}, "the wheel is not typed")
    (sdist,) = (folder / "sdist").glob("*.tar.gz")
    with tarfile.open(sdist) as packed:
        without_agpl([*names, *packed.getnames()])
    return wheel


def without_agpl(names: Iterable[str]) -> None:
    """Tests run iam-simulate in a process of its own; nothing that people install or deploy may hold it."""
    held = [name for name in names if re.search("iam.simulate|cloud-copilot|node_modules", name)]
    wanted(not held, f"what is AGPL-3.0 is packaged: {held[:3]}")


class Clean:
    """A new environment of the same interpreter; commands run in a folder that has settings and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.venv, self._folder = folder / "venv", folder
        self._uv("venv", "--python", sys.executable, str(self.venv))
        (self.site,) = self.venv.glob("lib/python*/site-packages")
        cache = folder / "cache" / "snapback"
        cache.mkdir(parents=True)
        (cache / "wheels").symlink_to(ROOT / ".wheels")

    def install(self, *what: str) -> None:
        self._uv("pip", "install", "--python", str(self.venv), *what)

    def size(self) -> tuple[int, float]:
        """Packages, and megabytes as `du` counts them, without bytecode."""
        files = [path for path in self.venv.rglob("*") if path.is_file() and not path.is_symlink()]
        return len([*self.site.glob("*.dist-info")]), sum(path.stat().st_blocks for path in files) * 512 / 1e6

    def run(self, *command: str, codes: set[int], says: str, path: Path | None = None) -> None:
        keep = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON", "SNAPBACK"))
        }
        environment = keep | {"XDG_CACHE_HOME": str(self._folder / "cache"), "PYTHONPATH": str(path or "")}
        done = subprocess.run(
            [str(self.venv / "bin" / command[0]), *command[1:]],
            cwd=self._folder / "elsewhere", env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        told = done.stdout + done.stderr
        shown = f"`{' '.join(command)}`: exit code {done.returncode}: {told.strip()[-500:]}"
        wanted(done.returncode in codes and says in told, shown)

    def _uv(self, *arguments: str) -> None:
        done = subprocess.run([str(BIN / "uv"), "-q", *arguments], capture_output=True, text=True, check=False)
        wanted(done.returncode == 0, f"uv {arguments[0]}: {done.stderr.strip()[-500:]}")


def typed(folder: Path, clean: Clean) -> None:
    """An author's module has full types, and is refused where it is wrong."""
    module = folder / "elsewhere" / "mine" / "sqs" / "queue_open.py"
    module.parent.mkdir(parents=True)
    module.write_text(AUTHOR)
    code, told = mypy(module, clean)
    revealed = re.findall(r'Revealed type is "(.*)"', told)
    wanted(code == 0, f"mypy --strict on an author's module: {told}")
    wanted(len(revealed) == AUTHOR.count("reveal_type(") and "Any" not in str(revealed), f"types are lost: {revealed}")
    module.write_text(WRONG)
    code, told = mypy(module, clean)
    wanted(
        code == 1 and "Severity" in told and "regions" in told,
        f"mypy finds nothing wrong in an author's module: {told}",
    )
    module.write_text(re.sub(r"(?m)^ *reveal_type\(.*\n", "", AUTHOR))
    use = "from mine.sqs.queue_open import queue_open; print(queue_open.id)"
    clean.run("python", "-c", use, codes={0}, says="sqs.queue_open")


def mypy(module: Path, clean: Clean) -> tuple[int, str]:
    options = ["--strict", "--config-file=", f"--python-executable={clean.venv}/bin/python", "--cache-dir=.mypy_cache"]
    done = subprocess.run(
        [str(BIN / "mypy"), *options, str(module)], cwd=module.parents[2], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def same_package(installed: Path, built: Path) -> None:
    """The checkout's command makes the same."""
    without_agpl(ZipFile(installed / "deployment.zip").namelist())
    subprocess.run([str(BIN / "snapback"), "package", "--out", str(built)], cwd=ROOT, check=True, capture_output=True)
    for name in (*(each for each in MADE if each != NOTIFY_ZIP), "sbom.cdx.json"):
        wanted((installed / name).read_bytes() == (built / name).read_bytes(), f"{name} is another than the checkout's")


def wanted(holds: bool, otherwise: str) -> None:
    if not holds:
        raise NotAsPromised(otherwise)


if __name__ == "__main__":
    sys.exit(main())

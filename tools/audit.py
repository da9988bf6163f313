"""Known vulnerabilities of all that is locked, by pip-audit: of what runs in Lambda, of the command line, of the tools.

Found ones fail it. A library that the vulnerability service can't tell of isn't safe but unknown: that is said, loudly
where it is all of them, as without a network; with --strict it fails then.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
APART = (
    "requirements/checkov.txt",
    "requirements/e2e.txt",
    "requirements/microburst.txt",
    "requirements/ministack.txt",
)
"""What is not in developers' lock: checkov has an environment and versions of its own, ministack comes without what it
depends on. Of all others one version is in all locks."""
_NO_ANSWER = ("ConnectionError", "ConnectTimeout", "ReadTimeout", "network", "Could not connect", "HTTPError")


def locks() -> list[str]:
    return ["requirements.txt", *sorted(f"requirements/{path.name}" for path in (ROOT / "requirements").glob("*.txt"))]


def main(arguments: list[str]) -> int:
    asked = [audit([lock for lock in locks() if lock not in APART]), *(audit([lock]) for lock in APART)]
    checked = sum(number for _, number in asked)
    if not checked:
        print("audit: NOTHING WAS CHECKED for known vulnerabilities: no answer from the service", file=sys.stderr)
    return max(*(code for code, _ in asked), int("--strict" in arguments and not checked))


def audit(files: list[str]) -> tuple[int, int]:
    """The exit code, and how many libraries the service reported."""
    pip_audit = str(Path(sys.executable).parent / "pip-audit")
    options = ["--require-hashes", "--disable-pip", "--progress-spinner=off", "--format=json", "--timeout=15"]
    named = [option for file in files for option in ("-r", file)]
    done = subprocess.run([pip_audit, *options, *named], cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        last = done.stderr.strip().rpartition("\n")[2]
        if any(each in done.stderr for each in _NO_ANSWER):
            print(f"audit: NOT DONE, the vulnerability service gives no answer: {last[:200]}")
            return 0, 0
        print(f"audit: pip-audit failed: {last}", file=sys.stderr)
        return 1, 0
    return judge(report["dependencies"])


def judge(dependencies: list[dict[str, Any]]) -> tuple[int, int]:
    """The exit code for pip-audit's report, as lines, and how many libraries it reports."""
    found = [(each, flaw) for each in dependencies for flaw in each.get("vulns", [])]
    for each, flaw in found:
        mended = ", ".join(flaw["fix_versions"]) or "no version yet"
        print(f"audit: {each['name']} {each['version']}: {flaw['id']}, mended in {mended}", file=sys.stderr)
    unknown = [each["name"] for each in dependencies if "skip_reason" in each]
    checked = len(dependencies) - len(unknown)
    if unknown:
        some = ", ".join(unknown[:5]) + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else "")  # noqa: PLR2004
        print(f"audit: NOT DONE for {some}: the vulnerability service doesn't know them from here")
    if not found and checked:
        print(f"audit: {checked} packages without known vulnerabilities")
    return int(bool(found)), checked


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

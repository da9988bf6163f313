"""Known vulnerabilities of what the functions run on (requirements.txt), by pip-audit.

Found ones fail it. No answer from the vulnerability service doesn't, as on a machine without a network; one line says so.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_NO_ANSWER = ("ConnectionError", "ConnectTimeout", "ReadTimeout", "network", "Could not connect", "HTTPError")


def main(arguments: list[str]) -> int:
    requirements = arguments[0] if arguments else "requirements.txt"
    pip_audit = str(Path(sys.executable).parent / "pip-audit")
    options = ["--require-hashes", "--disable-pip", "--progress-spinner=off", "--format=json", "--timeout=15"]
    done = subprocess.run(
        [pip_audit, *options, "-r", requirements], cwd=ROOT, capture_output=True, text=True, check=False
    )
    try:
        report = json.loads(done.stdout)
    except ValueError:
        last = done.stderr.strip().rpartition("\n")[2]
        if any(each in done.stderr for each in _NO_ANSWER):
            print(f"audit: NOT DONE, the vulnerability service gives no answer: {last[:200]}")
            return 0
        print(f"audit: pip-audit failed: {last}", file=sys.stderr)
        return 1
    return judge(report["dependencies"])


def judge(dependencies: list[dict[str, Any]]) -> int:
    """The exit code for pip-audit's report, told in lines.

    What it skipped isn't safe but unknown: pip-audit itself calls a package that the service doesn't know no problem.
    """
    found = [(each, flaw) for each in dependencies for flaw in each.get("vulns", [])]
    for each, flaw in found:
        mended = ", ".join(flaw["fix_versions"]) or "no version yet"
        print(f"audit: {each['name']} {each['version']}: {flaw['id']}, mended in {mended}", file=sys.stderr)
    unknown = [each["name"] for each in dependencies if "skip_reason" in each]
    if unknown:
        print(f"audit: NOT DONE for {', '.join(unknown)}: the vulnerability service doesn't know them from here")
    if not found and len(unknown) < len(dependencies):
        print(f"audit: {len(dependencies) - len(unknown)} packages without known vulnerabilities")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

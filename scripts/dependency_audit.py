"""Known vulnerabilities of what the locks install: ``pip-audit`` and ``npm audit``, recorded with the date.

``python scripts/dependency_audit.py`` writes ``dependency-audit.json``; the exit status is 1 when something is
vulnerable, 2 when an advisory service could not be asked, or of a part of the packages only (which is then what
the record says): 0 means that every package was looked up and none is known to be vulnerable.
"""

import json
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT / "dependency-audit.json"
SECONDS = 180


def asked(command: list[str], folder: Path) -> dict[str, Any]:
    """What a tool answers: 'findings', or 'error' when its advisory service does not answer."""
    program = shutil.which(command[0])
    if program is None:
        return {"error": f"{command[0]} is not installed"}
    try:
        done = subprocess.run(
            [program, *command[1:]], cwd=folder, capture_output=True, timeout=SECONDS, check=False
        )
        found = json.loads(done.stdout or b"null")
    except (subprocess.TimeoutExpired, ValueError) as error:
        return {"error": type(error).__name__}
    if found is None or (isinstance(found, dict) and "error" in found):
        said = re.search(r"\b[45]\d\d [A-Z][A-Za-z ]+", done.stderr.decode(errors="replace"))
        return {"error": f"the advisory service does not answer ({said[0] if said else '?'})"}
    asked_of = counted(found)
    if not asked_of:
        why = next((each.get("skip_reason", "") for each in found.get("dependencies", [])), "")
        return {"error": f"the advisory service told of no package ({why or 'nothing said'})"}
    skipped = [each["name"] for each in found.get("dependencies", []) if "skip_reason" in each]
    return {"findings": findings(found), "asked": asked_of, "skipped": skipped}


def counted(found: Any) -> int:
    """How many packages were looked up."""
    if "dependencies" in found:
        return sum("skip_reason" not in each for each in found["dependencies"])
    return int(found.get("metadata", {}).get("dependencies", {}).get("total", 0))


def findings(found: Any) -> list[dict[str, str]]:
    """The vulnerable packages in the form of either tool."""
    if "dependencies" in found:  # pip-audit
        return [
            {"package": each["name"], "version": each["version"], "id": fault["id"]}
            for each in found["dependencies"]
            for fault in each.get("vulns", [])
        ]
    return [  # npm audit
        {"package": name, "version": each.get("range", ""), "id": advisory(each)}
        for name, each in found.get("vulnerabilities", {}).items()
    ]


def advisory(fault: dict[str, Any]) -> str:
    """Where npm tells of a fault: the address of its advisory, else through which package it comes."""
    told = [each["url"] if isinstance(each, dict) else each for each in fault.get("via", [])]
    return ", ".join(told) or str(fault.get("severity", ""))


def main() -> int:
    """Ask both, record, and say how it went."""
    locks = ["-r", "requirements.lock", "-r", "requirements/dev.lock"]
    record: dict[str, Any] = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": asked(
            [
                "pip-audit",
                "--vulnerability-service",
                "pypi",
                "--format",
                "json",
                "--disable-pip",
                "--no-deps",
                *locks,
            ],
            ROOT,
        ),
        "npm": asked(["npm", "audit", "--json"], ROOT / "ui"),
    }
    RECORD.write_text(json.dumps(record, indent=1) + "\n")
    sys.stdout.write(json.dumps(record, indent=1) + "\n")
    return verdict(record["python"], record["npm"])


def verdict(*parts: dict[str, Any]) -> int:
    """The exit status: see above."""
    if any(each.get("findings") for each in parts):
        return 1
    return 2 if any("error" in each or each["skipped"] for each in parts) else 0


if __name__ == "__main__":
    sys.exit(main())

"""Known vulnerabilities of what uv.lock installs, by pip-audit; says so where there is no network to ask.

python .ci/audit.py UV PIP_AUDIT     exit code 1 where it found any
"""

import json
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

# Where pip-audit asks. A machine without a route to it is told so: lint is for working without a network too.
SERVICE = ("api.osv.dev", 443)
CONNECT_SECONDS, AUDIT_SECONDS = 3, 120
EXPORT = ["export", "--frozen", "--quiet", "--no-emit-project", "--no-hashes", "--format", "requirements-txt"]
UNKNOWN = f"pip-audit: {SERVICE[0]} does not answer; nobody looked for known vulnerabilities of what uv.lock installs"
AUDIT = [
    "--vulnerability-service",
    "osv",
    "--no-deps",
    "--disable-pip",
    "--progress-spinner",
    "off",
    "--format",
    "json",
    "--timeout",
    "10",
]


def is_reachable() -> bool:
    """Whether the service answers."""
    try:
        socket.create_connection(SERVICE, CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


def findings(uv: str, pip_audit: str) -> list[str] | None:
    """A line for each known vulnerability; None where the service did not answer to the end."""
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "requirements.txt"
        listed.write_bytes(subprocess.run([uv, *EXPORT], capture_output=True, check=True).stdout)
        command = [pip_audit, *AUDIT, "--requirement", str(listed)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=AUDIT_SECONDS, check=False)
            packages = json.loads(done.stdout)["dependencies"]
        except (subprocess.TimeoutExpired, ValueError, KeyError):
            return None
    return [
        f"{package['name']} {package['version']}: {found['id']}, mended in {', '.join(found['fix_versions']) or 'none'}"
        for package in packages
        for found in package.get("vulns", ())
    ]


if __name__ == "__main__":
    lines = findings(*sys.argv[1:]) if is_reachable() else None
    if lines is None:
        sys.stderr.write(f"{UNKNOWN}\n")
    elif lines:
        sys.exit("\n".join(lines))

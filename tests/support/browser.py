"""A headless browser: a page as a reader sees it, in a frame of any width, and what a script finds in it."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.support.patience import PATIENCE
from tests.support.system_packages import skip_outside_ci

FLAGS = (
    "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update"
    " --disable-sync --hide-scrollbars --enable-logging=stderr --virtual-time-budget=30000"
    " --allow-file-access-from-files --dump-dom"
)
# What the browser says of a frame that runs no scripts.
BLOCKED = "Blocked script execution"
# A page is in a frame, as a window cannot be as narrow as a telephone; the script beside it may look into it.
AROUND = """<!doctype html><meta charset="utf-8"><body>
<iframe id="page" src="{address}" width="{width}" height="900" style="border: 0" {sandbox}></iframe>
<script type="module">
const frame = document.getElementById("page");
await new Promise((resolve) => {{
    const isRead = (found) => found?.readyState === "complete" && found.querySelector("footer");
    const isDrawn = (found) => frame.sandbox.length || found.documentElement.dataset.drawn !== undefined;
    const isThere = () => isRead(frame.contentDocument) && isDrawn(frame.contentDocument);
    const wait = () => (isThere() ? resolve() : setTimeout(wait, 50));
    wait();
}});
const page = frame.contentDocument;
const find = (title) =>
    Array.from(page.querySelectorAll("figure")).find((one) => one.querySelector("h3").textContent === title);
const press = (figure, label) =>
    Array.from(figure.querySelectorAll("button")).find((one) => one.textContent === label).click();
// nothing is waited for here, as the browser's clock would not
function csv(figure) {{
    let saved;
    const {{ URL, HTMLAnchorElement }} = frame.contentWindow;
    frame.contentWindow.Blob = function keep(parts) {{ saved = parts.join(""); }};
    Object.assign(URL, {{ createObjectURL: () => "#" }});
    HTMLAnchorElement.prototype.click = () => {{}};
    press(figure, "CSV");
    return saved;
}}
async function found() {{ {script} }}
const answer = await found().catch((error) => ({{ error: String(error.stack) }}));
const said = document.createElement("pre");
said.id = "said";
said.textContent = JSON.stringify(answer);
document.body.append(said);
</script>"""


def chromium() -> str:
    """The browser's path; without one the test is skipped, and fails in CI."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    skip_outside_ci("no browser: install Debian's package chromium")


def dumped(address: str, folder: Path, width: int) -> str:
    """The document after its scripts ran. What they complain of fails the test."""
    command = [chromium(), *FLAGS.split(), f"--user-data-dir={folder / 'profile'}", f"--window-size={width},900"]
    done = subprocess.run([*command, address], capture_output=True, text=True, timeout=PATIENCE, check=True)
    said = [line for line in done.stderr.splitlines() if "CONSOLE" in line and BLOCKED not in line]
    assert said == [], said
    return done.stdout


def drawn(address: str, folder: Path) -> str:
    """The document of a server's page after its scripts ran, whatever they complain of."""
    command = [chromium(), *FLAGS.split(), f"--user-data-dir={folder / 'profile'}", "--window-size=1400,1200"]
    done = subprocess.run([*command, address], capture_output=True, text=True, timeout=PATIENCE, check=True)
    return done.stdout


def seen(
    page: Path, folder: Path, script: str, *, width: int = 1280, chosen: str = "", with_scripts: bool = True
) -> Any:
    """What a script returns that looks at `page`, in a frame of `width`.

    The script may use `page` (the document), `find` (the figure of a title), `press` (a button of a figure) and `csv`.
    `chosen` is the link's part behind #. Without scripts the page shows what it shows to readers who have none.
    """
    address = page.as_uri() + (f"#{chosen}" if chosen else "")
    around = folder / "around.html"
    sandbox = "" if with_scripts else 'sandbox="allow-same-origin"'
    text = AROUND.format(address=html.escape(address), width=width, sandbox=sandbox, script=script)
    around.write_text(text, encoding="utf-8")
    shown = dumped(around.as_uri(), folder, 1400)
    said = re.search(r'<pre id="said">(.*?)</pre>', shown, re.DOTALL)
    assert said, "the page was not ready in time"
    answer = json.loads(html.unescape(said[1]))
    assert not (isinstance(answer, dict) and "error" in answer), answer
    return answer

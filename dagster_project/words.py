"""Errors in words: errors of libraries and of the machine as sentences that say what to do."""

import re
from collections.abc import Callable

from warehouse.errors import UserError, printable, user_errors
from warehouse.processes import file_users, named, process_name
from warehouse.settings import Settings

INTERRUPTED = "it was interrupted"
# The name of an error's class, as Python and Dagster put it before the message.
CLASS = re.compile(r"^(?:[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Warning)): ?")
DUCKDB_KIND = re.compile(r"^(?:[A-Z][A-Za-z]* )+Error: ")
HELD = re.compile(r'Could not set lock on file "([^"]+)".*?(?:PID (\d+))', re.DOTALL)
# What DuckDB says of a file of which a part is missing or overwritten.
DAMAGED = re.compile(
    r"not a valid DuckDB database file|Could not read enough bytes from file|Corrupt database file"
    r"|checksum .* does not match"
)
NO_MEMORY = re.compile(
    r"MemoryError|OutOfMemory|Out of Memory|bad_alloc|Cannot allocate memory|failed to allocate", re.IGNORECASE
)
# DuckDB's own limit, of the settings or by the machine; the memory itself was there.
LIMIT_REACHED = re.compile(r"Out of Memory Error.*?/[\d.]+ [KMGT]iB used\)", re.IGNORECASE | re.DOTALL)
MEMORY = (
    "the memory was not enough. Give the run more, or lower memory_limit in the settings, so that DuckDB goes to disk"
    " earlier (docs/operating.md, Memory)"
)


def _held(match: "re.Match[str]", settings: Settings) -> str:
    return f"{match[1]} is open in {process_name(int(match[2]))}. Close it there, and start again"


def _store_held(match: "re.Match[str]", settings: Settings) -> str:
    users = sorted({pid for path in settings.dagster_home.rglob("*.db") for pid in file_users(path)})
    return (
        f"Dagster's store in {settings.dagster_home} is held by {named(users)}. Stop that, or move the folder aside; no"
        " number depends on it"
    )


def _damaged(match: "re.Match[str]", settings: Settings) -> str:
    named_file = re.search(r'"([^"]+\.duckdb)"', match.string)
    path = named_file[1] if named_file else str(settings.warehouse_path)
    if path != str(settings.warehouse_path):
        return f"{path} is damaged. `{settings.command} run --force` publishes anew"
    return (
        f"{path} is damaged. Move it aside; then put a backup in its place, or begin anew with `{settings.command} run"
        " --new-warehouse` (docs/operating.md, When something is lost)"
    )


def _fixed(text: str) -> Callable[["re.Match[str]", Settings], str]:
    return lambda match, settings: text.format(home=settings.home)


# The first that fits; what is told is given the match and the settings.
KNOWN: list[tuple[re.Pattern[str], Callable[["re.Match[str]", Settings], str]]] = [
    (HELD, _held),
    (DAMAGED, _damaged),
    (re.compile(r"DagsterExecutionInterruptedError|KeyboardInterrupt"), _fixed(INTERRUPTED)),
    (re.compile(r"No space left on device|database or disk is full|could not write all bytes", re.I), _fixed(
        "the disk that holds {home} is full. Free some space, and start again"
    )),
    (re.compile(r"Disk quota exceeded", re.I), _fixed("the disk quota for {home} is used up. Free some space")),
    (re.compile(r"Read-only file system|readonly database|read-only (?:file|database)", re.I), _fixed(
        "{home} cannot be written to: it lies on a read-only file system, or belongs to somebody else"
    )),
    (re.compile(r"max_temp_directory_size"), _fixed(
        "the disk that holds {home} has no room for what does not fit in memory. Free some space, or raise memory_limit"
        " in the settings (docs/operating.md, Memory)"
    )),
    (LIMIT_REACHED, _fixed(
        "one step needs more memory than DuckDB may take, even with the disk to help. Raise memory_limit in the"
        " settings, or lower threads (docs/operating.md, Memory)"
    )),
    (NO_MEMORY, _fixed(MEMORY)),
    (re.compile(r"can't start new thread|Resource temporarily unavailable|pthread_create", re.I), _fixed(
        "the machine allows this user no further processes or threads (ulimit -u). Raise the limit, or set threads: 1"
    )),
    (re.compile(r"Too many open files", re.I), _fixed(
        "the machine allows this user too few open files (ulimit -n). Raise the limit to 1024 or more"
    )),
    (re.compile(r"File too large", re.I), _fixed("the machine limits the size of files (ulimit -f). Raise the limit")),
    (re.compile(r"database disk image is malformed|file is not a database|malformed database schema", re.I), _fixed(
        "Dagster's store in {home}/dagster is damaged. The next command sets it aside and makes it anew"
    )),
    (re.compile(r"psycopg2\.|DagsterPostgresException"), _fixed(
        "Dagster's store in PostgreSQL (dagster.dsn_env in the settings) does not answer, or refused what it was told."
        " See to the server, and start again"
    )),
    (re.compile(r"database is locked|database table is locked", re.I), _store_held),
]  # fmt: skip


def in_words(message: str, settings: Settings, kind: str = "") -> str:
    """An error's message as a sentence, without the names of classes. `kind` is the name of the error's class."""
    known = known_in_words(f"{kind}: {message}", settings)
    if known:
        return known
    text = message.strip()
    while kind not in user_errors() and (match := CLASS.match(text) or DUCKDB_KIND.match(text)):
        text = text[match.end() :].strip()
    text = printable(text)
    return text if kind in user_errors() else f"{text or 'no reason was given'} (unexpected: see `loyalty status`)"


def known_in_words(message: str, settings: Settings) -> str | None:
    """A sentence for an error of a kind that a person at the machine can mend, None for others."""
    for pattern, told in KNOWN:
        match = pattern.search(message)
        if match:
            return told(match, settings) + "."
    return None


def error_in_words(error: BaseException, settings: Settings) -> str:
    """The same for an error that was caught, or for its cause if that is of a known kind."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, PermissionError) and error.filename:
        return f"{error.filename}: {error.strerror}. This user may not read or write there."
    seen: BaseException | None = error
    while seen is not None:
        whole = f"{type(seen).__name__}: {seen}"
        if any(pattern.search(whole) for pattern, _ in KNOWN):
            return in_words(str(seen), settings, type(seen).__name__)
        seen = seen.__cause__ or seen.__context__
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}."
    return in_words(str(error), settings, type(error).__name__)


def is_known(error: BaseException | None) -> bool:
    """Whether an error or its cause is of a kind that a person at the machine can mend."""
    while error is not None:
        if isinstance(error, UserError | OSError) or any(
            pattern.search(f"{type(error).__name__}: {error}") for pattern, _ in KNOWN
        ):
            return True
        error = error.__cause__ or error.__context__
    return False

"""Secrets of the environment: refused by name where they cannot be used, and hidden wherever a message repeats one."""

import base64
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus, unquote, urlsplit

from warehouse.errors import UserError

HIDDEN = "***"
# What separates the parts of a connection string, of which a message may repeat one.
SEPARATORS = r"[\s=:/@?&;,'\"#\[\]()]+"
# A shorter part of a secret stands in many a message by chance; the whole secret is hidden however short.
SHORTEST_PART = 3
# A shorter run of letters stands in other words by chance.
SHORTEST_ENCODED = 8
BASE64, URL_SAFE = "[A-Za-z0-9+/_-]", str.maketrans("+/", "-_")
KEYWORDS = r"\b(?:host|hostaddr|port|user|dbname|db|database)\s*=\s*([^\s'\"]+)"
PASSWORDS = r"\b(?:password|passwd|pwd)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S+))"


def read_secret(setting: str, variable: str, environ: Mapping[str, str] = os.environ) -> str:
    """The secret in the variable that a setting names. Raises UserError, without the value, if there is none."""
    value = environ.get(variable, "").strip()
    if not value:
        raise UserError(f"{setting}: the environment variable {variable}, which the settings name, is not set.")
    return value


def wrong_secret(value: str, *, is_address: bool = False) -> str | None:
    """Why a login, a token or an address of the web cannot be used; None where nothing speaks against it."""
    if any(unicodedata.category(character) == "Cc" for character in value.strip()):
        return "holds a line break or another control character"
    if not value.isascii():
        return "holds letters beyond ASCII" + ("; write them percent-encoded" if is_address else "")
    if is_address and not (re.fullmatch(r"https?://[^\s<>\"/?#]+\S*", value.strip()) and _has_host(value.strip())):
        return "has to start with http:// or https:// and to be a whole address without blanks"
    return None


def _has_host(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not fit, a port that is no number
        return False


def hide(message: str, secrets: Iterable[str]) -> str:
    """The message without secrets, whole or in part, in the ways in which programs write them."""
    secrets = [secret for secret in secrets if secret]
    for inner in {inner for secret in secrets for inner in _within_base64(secret)}:
        message = re.sub(f"{BASE64}*{re.escape(inner)}{BASE64}*={{0,2}}", HIDDEN, message)
    words = {form for secret in secrets for word in _words(secret) for form in _forms(word)}
    for word in sorted(words, key=len, reverse=True):
        pattern = rf"(?<!\w){re.escape(word)}(?!\w)" if word.isalnum() else re.escape(word)
        message = re.sub(pattern, HIDDEN, message)
    return message


def hide_connection(message: str, dsn: str) -> str:
    """The message without any part of a connection string but scheme, host, port, user and database."""
    harmless, secrets = _parts(dsn)
    message = hide(message.replace(dsn, HIDDEN), secrets)
    others = {part for text in (dsn, unquote(dsn)) for part in re.split(SEPARATORS, text)} - harmless
    return hide(message, [part for part in others if len(part) >= SHORTEST_PART])


def _parts(dsn: str) -> tuple[set[str], set[str]]:
    """The harmless parts of a connection string, and its secrets, also where a password is not percent-encoded."""
    if "://" not in dsn:
        secrets = {first or second for first, second in re.findall(PASSWORDS, dsn)}
        harmless = {*re.findall(KEYWORDS, re.sub(PASSWORDS, "", dsn)), *re.findall(r"(\w+)\s*=", dsn)}
    else:
        scheme, _, rest = dsn.partition("://")
        # the last @ ends the login, whatever stands in the password
        login, _, place = rest.rpartition("@")
        user, _, password = login.partition(":")
        secrets = {password, unquote(password)} - {""}
        secrets |= set(re.findall(r"[?&](?:password|passwd|sslpassword)=([^&]*)", place))
        host = place.partition("?")[0]
        harmless = {scheme, user, unquote(user), host, *re.split(r"[:/,]", host)}
    return harmless - {part for secret in secrets for part in _words(secret)}, secrets


def _words(secret: str) -> set[str]:
    parts = {part for part in re.split(SEPARATORS, secret) if len(part) >= SHORTEST_PART}
    return {secret, unquote(secret), *parts} - {""}


def _forms(word: str) -> set[str]:
    encoded = base64.b64encode(word.encode("utf-8", "surrogateescape")).decode().rstrip("=")
    written = {word, quote(word, safe=""), quote(word), quote_plus(word), repr(word)[1:-1]}
    longer = {encoded, word.encode("utf-8", "surrogateescape").hex(), quote(quote(word, safe=""), safe="")}
    longer |= {form.upper() for form in longer if re.fullmatch("[0-9a-f]+", form)}
    return written | {form for form in longer if len(form) >= SHORTEST_ENCODED}


def _within_base64(secret: str) -> set[str]:
    """What stands for the secret in base64 of more than it, as mail servers and proxies are told user and password."""
    found = set()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + secret.encode("utf-8", "surrogateescape")).decode().rstrip("=")
        # letters that stand for bits of a neighbour's are none of the secret's
        found.add(encoded[(before * 8 + 5) // 6 : (before + len(secret.encode("utf-8", "surrogateescape"))) * 8 // 6])
    found |= {inner.translate(URL_SAFE) for inner in found}
    return {inner for inner in found if len(inner) >= SHORTEST_ENCODED}

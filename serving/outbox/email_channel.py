"""Delivery by SMTP: a message is accepted if the server answers the end of its data with 250."""

import contextlib
import os
import re
import smtplib
import ssl
from collections.abc import Mapping
from email.errors import MessageError
from email.headerregistry import Address, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime, parseaddr
from io import BufferedIOBase

from serving.outbox.channels import Envelope
from serving.receivers import DeferredError, LostError, RefusedError, UnreachableError, deadline
from warehouse.errors import printable
from warehouse.secrets import HIDDEN, hide, read_secret
from warehouse.settings import MessagesSettings, SmtpSettings

SHUTTING_DOWN = 421
# Of one answer, however many lines it has; and how long a server has for saying good-bye.
MOST_ANSWER, QUIT_SECONDS = 64 * 1024, 2.0
ADDRESS = re.compile(r"[^\s@<>()\[\],;:\\\"]+@[^\s@<>()\[\],;:\\\"]+")


class _WholeHeader(UnstructuredHeader):
    """A header kept on one line, because clients cannot read a URL that is folded over lines."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"  # type: ignore[attr-defined]  # the registry makes it a BaseHeader


HEADERS = HeaderRegistry()
HEADERS.map_to_type("list-unsubscribe", _WholeHeader)  # type: ignore[arg-type]
POLICY = SMTP.clone(header_factory=HEADERS)


class _Answers:
    """The lines of a mail server, of which one answer holds no more than MOST_ANSWER bytes."""

    def __init__(self, file: BufferedIOBase) -> None:
        self._file = file
        self.left = MOST_ANSWER

    def readline(self, limit: int) -> bytes:
        line = self._file.readline(min(limit, self.left + 1))
        self.left -= len(line)
        if self.left < 0:
            raise OSError("the server's answer does not end")
        return line

    def close(self) -> None:
        self._file.close()


class _Session(smtplib.SMTP):
    """smtplib's client, for which an answer has an end."""

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = _Answers(self.sock.makefile("rb"))
        if self.file is not None:
            self.file.left = MOST_ANSWER
        return super().getreply()


class EmailChannel:
    """One connection to the mail server of the settings, opened with the first message and again when it is lost."""

    def __init__(self, messages: MessagesSettings, environ: Mapping[str, str] = os.environ) -> None:
        assert messages.sender
        self._sender = messages.sender
        self._unsubscribe_url = messages.unsubscribe_url
        self._smtp = messages.smtp
        self._login = _login(messages.smtp, environ)
        self._connection: smtplib.SMTP | None = None

    def send(self, envelope: Envelope) -> None:
        """See Channel.send."""
        message = compose(envelope, self._sender, self._unsubscribe_url)
        connection = self._connected()
        try:
            with deadline(self._smtp.timeout_seconds, lambda: connection.sock):
                connection.send_message(message, parseaddr(self._sender)[1], [envelope.address])
        except smtplib.SMTPRecipientsRefused as error:
            ((code, reply),) = error.recipients.values()
            raise self._refusal(code, reply) from error
        except smtplib.SMTPDataError as error:
            raise self._refusal(error.smtp_code, error.smtp_error) from error
        except smtplib.SMTPNotSupportedError as error:
            raise RefusedError("the mail server does not take an address with such letters") from error
        except smtplib.SMTPResponseException as error:
            raise self._unreachable(error) from error
        except (smtplib.SMTPException, OSError) as error:
            self.close()
            raise LostError(f"the connection was lost: {self._hidden(str(error))}") from error

    def close(self) -> None:
        """See Channel.close."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            with contextlib.suppress(smtplib.SMTPException, OSError), deadline(QUIT_SECONDS, lambda: connection.sock):
                connection.quit()
            connection.close()

    def _connected(self) -> smtplib.SMTP:
        if self._connection is None:
            try:
                self._connection = self._connect()
            except (smtplib.SMTPException, OSError) as error:
                raise self._unreachable(error) from error
        return self._connection

    def _connect(self) -> smtplib.SMTP:
        connection = _Session(timeout=self._smtp.timeout_seconds)
        connection._host = self._smtp.host  # type: ignore[attr-defined]  # the name that a certificate is checked for
        try:
            with deadline(self._smtp.timeout_seconds, lambda: connection.sock):
                connection.connect(self._smtp.host, self._smtp.port)
                if self._smtp.starttls:
                    connection.starttls(context=ssl.create_default_context())
                if self._login:
                    connection.login(*self._login)
        except BaseException:
            connection.close()
            raise
        return connection

    def _hidden(self, text: str) -> str:
        """The text without addresses and the login: servers repeat them, and reasons are published."""
        return printable(ADDRESS.sub(HIDDEN, hide(text, self._login or ())))[:200]

    def _told(self, code: int, reply: bytes | str) -> str:
        return self._hidden(_text(code, reply))

    def _unreachable(self, error: Exception) -> UnreachableError:
        """An error of the server, the sender or the login, which concerns every message alike."""
        self.close()
        told = str(error)
        if isinstance(error, smtplib.SMTPResponseException):
            told = _text(error.smtp_code, error.smtp_error)
        return UnreachableError(f"{self._smtp.host}:{self._smtp.port}: {self._hidden(told)}")

    def _refusal(self, code: int, reply: bytes | str) -> Exception:
        if code == SHUTTING_DOWN:
            self.close()
        return DeferredError(self._told(code, reply)) if code < 500 else RefusedError(self._told(code, reply))


def compose(envelope: Envelope, sender: str, unsubscribe_url: str | None) -> EmailMessage:
    """The mail from `sender` (`Name <address>`); without an `unsubscribe_url`, one to people of the shop.

    EmailMessage takes no header with a line break in it, so no value can add a header. Raises RefusedError where the
    address is not one.
    """
    message = EmailMessage(POLICY)
    try:
        message["To"] = Address(addr_spec=envelope.address)
    except (ValueError, IndexError, MessageError) as error:
        raise RefusedError("the address is not a valid one") from error
    name, address = parseaddr(sender)
    message["From"] = Address(name, addr_spec=address)
    message["Subject"] = envelope.text.subject
    message["Date"] = format_datetime(envelope.date)
    message["Message-ID"] = f"<{envelope.message_id}@{address.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    if unsubscribe_url:
        url = unsubscribe_url.replace("{message_id}", envelope.message_id)
        message["List-Unsubscribe"] = f"<{url}>"
        if url.startswith("https://"):
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(envelope.text.plain)
    message.add_alternative(envelope.text.html, subtype="html")
    return message


def _login(smtp: SmtpSettings, environ: Mapping[str, str]) -> tuple[str, str] | None:
    if smtp.username_env is None or smtp.password_env is None:
        return None
    user, password = (read_secret("messages.smtp", name, environ) for name in (smtp.username_env, smtp.password_env))
    return user, password


def _text(code: int, reply: bytes | str) -> str:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return f"{code} {' '.join(text.split())}"

"""Delivery into a file of JSON lines, for a tool that picks it up: a message is accepted once its line is on the disk.

Only the last line can have been written without a record of it, so the end of the file is checked: half a line is
removed, and a whole line is not written again. The file contains addresses, so only its owner can read it.
"""

import json
import os
from pathlib import Path

from serving.outbox.channels import Envelope, record_of
from serving.receivers import UnreachableError
from warehouse.errors import UserError

OWNER_ONLY = 0o600
BLOCK = 64 * 1024


class FileChannel:
    """The file, open at its end."""

    def __init__(self, path: Path) -> None:
        """Raises UserError where the file cannot be opened."""
        self._path = path
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, OWNER_ONLY)
        except OSError as error:
            raise UserError(f"{path}: messages cannot be written there: {error.strerror}.") from error
        self._last = self._mend()

    def send(self, envelope: Envelope) -> None:
        """See Channel.send."""
        if envelope.message_id == self._last:
            return
        line = json.dumps(record_of(envelope), ensure_ascii=False).encode() + b"\n"
        end = os.lseek(self._descriptor, 0, os.SEEK_END)
        try:
            written = os.write(self._descriptor, line)
            if written < len(line):
                raise OSError("the disk is full")
            os.fsync(self._descriptor)
        except OSError as error:
            os.ftruncate(self._descriptor, end)
            raise UnreachableError(f"{self._path}: {error}") from error
        self._last = envelope.message_id

    def close(self) -> None:
        """See Channel.close."""
        os.close(self._descriptor)

    def _mend(self) -> str | None:
        """Take off half a line at the end. Returns the id of the last whole one."""
        size = os.fstat(self._descriptor).st_size
        tail, start = b"", size
        while start > 0 and tail.count(b"\n") < 2:
            start = max(0, start - BLOCK)
            tail = os.pread(self._descriptor, size - start, start)
        whole, newline, half = tail.rpartition(b"\n")
        if half:
            os.ftruncate(self._descriptor, size - len(half))
        return json.loads(whole.rpartition(b"\n")[2])["message_id"] if newline else None

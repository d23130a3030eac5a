"""Dagster's files with the output of steps, written so that Ctrl-C ends only the run.

For each step Dagster starts programs that follow those files. A terminal sends Ctrl-C to all of them, and the one in
Python answered with a traceback in the middle of the run's own message. Here these programs are started without that
signal; they end with the step, or with the process of the run.
"""

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

try:
    from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
except ImportError:
    LocalComputeLogManager = object  # type: ignore[assignment, misc]


def differences() -> list[str]:
    """Parts of Dagster's compute logs that the class here needs and that are missing; empty if it fits."""
    return [] if hasattr(LocalComputeLogManager, "capture_logs") else ["capture_logs is missing"]


class QuietComputeLogManager(LocalComputeLogManager):
    """The compute logs of $DAGSTER_HOME/storage; no configuration."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Nothing to configure."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Mapping[str, Any]) -> Self:
        """The logs of this process's DAGSTER_HOME."""
        return cls(str(Path(os.environ["DAGSTER_HOME"]) / "storage"), inst_data=inst_data)

    @contextmanager
    def capture_logs(self, log_key: Sequence[str]) -> Iterator[Any]:
        """Write the output within the block to files."""
        with ExitStack() as stack:
            earlier = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                captured = stack.enter_context(super().capture_logs(log_key))
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, earlier)
            yield captured

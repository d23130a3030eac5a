"""Runs that are killed on the way: `python -m tests.end_to_end.killable`, one JSON command a line on standard input.

A command is {"settings": file, "arguments": [...], "stage": number or null, "delay": seconds, "log": file}:
`loyalty run` in a process forked from this one, which has done the imports, and SIGKILL for it `delay` after its stage
of that number began. The answer is the exit code on a line, -9 for a killed run.
"""

import contextlib
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import dbt.cli.main
import numpy
import pandas
import scipy.optimize
import sklearn.linear_model

import dagster_project.cli.run as command_run
from dagster_project.cli.main import main

IMPORTED = (dbt.cli.main, numpy, pandas, scipy.optimize, sklearn.linear_model)


class SelfKilling(command_run.StageLog):
    """Progress that ends the process some time after a stage begins."""

    stage: int | None = None
    delay: float = 0.0
    begun = 0

    def tell(self, name: str, status: str, seconds: float | None) -> None:
        super().tell(name, status, seconds)
        if status == "started":
            if self.begun == self.stage:
                threading.Timer(self.delay, os.kill, (os.getpid(), signal.SIGKILL)).start()
            self.begun += 1


def run(command: dict[str, Any]) -> int:
    child = os.fork()
    if child == 0:
        SelfKilling.stage, SelfKilling.delay = command["stage"], command["delay"]
        command_run.StageLog = SelfKilling
        with Path(command["log"]).open("a") as log, contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
            code = main(["--company", command["settings"], "run", *command["arguments"]])
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(f"{run(json.loads(line))}\n")
        sys.stdout.flush()

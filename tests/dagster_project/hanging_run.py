"""A run that hangs: `python -m tests.dagster_project.hanging_run SETTINGS HOW`.

The warehouse, Dagster and the watchdog are the real ones. Its one step says that it hangs, and does so in the way HOW.
"""

import hashlib
import itertools
import multiprocessing
import sys
import time
from collections.abc import Callable

import dagster as dg

from dagster_project.cli.run import process_tags, run_config
from dagster_project.resources import WarehouseRun, warehouse_resource
from dagster_project.runs import open_instance
from dagster_project.watchdog import terminated_in_words
from tests.support.patience import PATIENCE
from warehouse.settings import load_settings

HUGE = "select count(*) from range(1000000) as a (i), range(1000000) as b (i) where hash(a.i + b.i) = 7"


def query(run: WarehouseRun) -> None:
    with run.connect() as connection:
        connection.execute(HUGE).fetchall()


def terminate_a_worker(run: WarehouseRun) -> None:
    """What a pool of forked processes does at its end; nothing hangs then."""
    worker = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
    worker.start()
    time.sleep(0.5)
    worker.terminate()
    worker.join()
    time.sleep(1)


HOW: dict[str, Callable[[WarehouseRun], object]] = {
    "sleep": lambda run: time.sleep(2 * PATIENCE),
    "sql": query,
    "worker": terminate_a_worker,
    "c": lambda run: hashlib.pbkdf2_hmac("sha256", b"word", b"salt", 2**31 - 1),  # without the GIL
    "gil": lambda run: sum(itertools.repeat(0, 10**13)),  # with it
}


def main(file: str, how: str) -> int:
    settings = load_settings(file, environ={})

    @dg.op(required_resource_keys={"warehouse"})
    def hang(context: dg.OpExecutionContext) -> None:
        run: WarehouseRun = context.resources.warehouse
        with run.stage(f"in {how}"):
            print("hangs", flush=True)  # noqa: T201
            HOW[how](run)

    @dg.job(resource_defs={"warehouse": warehouse_resource(settings)})
    def daily() -> None:
        hang()

    config = run_config(settings)
    with terminated_in_words(), open_instance(settings) as instance:
        done = daily.execute_in_process(config, instance=instance, tags=process_tags(), raise_on_error=False)
    return 0 if done.success else 1


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))

"""What failed of a build, in words."""

from dagster_project.dbt_runner.failures import failure_sentences
from dagster_project.dbt_runner.results import NodeResult
from warehouse.settings import load_settings
from warehouse.sql import connect


def failed(name: str, message: str) -> NodeResult:
    return NodeResult(f"model.loyalty_warehouse.{name}", name, "model", "error", message, 0.1, 0)


def told(*results: NodeResult) -> list[str]:
    with connect() as connection:
        return failure_sentences(connection, results, load_settings(environ={}))


def test_what_the_machine_lacks_is_told_once_with_the_nodes_that_needed_it() -> None:
    short = "[Errno 24] Too many open files: 'dbt/model.sql'"
    assert told(failed("a", short), failed("b", "Parser Error: near )"), failed("c", short)) == [
        "a, c: the machine allows this user too few open files (ulimit -n). Raise the limit to 1024 or more.",
        "model b: Parser Error: near )",
    ]


def test_of_many_nodes_the_first_are_named() -> None:
    (sentence,) = told(*(failed(f"m{number}", "IO Error: No space left on device") for number in range(7)))
    assert sentence.startswith("m0, m1, m2, m3, m4 and 2 more: the disk that holds ")

"""What dbt tells of its nodes, in any environment that has dbt: this module imports nothing else."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

OnNode = Callable[[str, str], None]


@dataclass(frozen=True)
class NodeResult:
    """The outcome of one dbt node: `status` is success, pass, fail, error, skipped or warn; `query` its SQL."""

    unique_id: str
    name: str
    resource_type: str
    status: str
    message: str
    seconds: float
    failures: int
    query: str = ""

    @property
    def is_good(self) -> bool:
        """Whether the node was built or its test passed."""
        return self.status in ("success", "pass", "warn")


def node_result(result: Any) -> NodeResult:
    """A node's result as dbt has it."""
    node = result.node
    return NodeResult(
        unique_id=node.unique_id,
        name=node.name,
        resource_type=str(node.resource_type),
        status=str(result.status),
        message=result.message or "",
        seconds=result.execution_time,
        failures=result.failures or 0,
        query=getattr(node, "compiled_code", None) or "",
    )


def callbacks(on_node: OnNode | None) -> list[Callable[[Any], None]]:
    """For dbt's events: `on_node` gets a node's name and status, `started` as it begins, and its outcome as it ends."""
    if on_node is None:
        return []

    def forward(event: Any) -> None:
        if event.info.name == "NodeStart":
            on_node(event.data.node_info.node_name, "started")
        elif event.info.name == "NodeFinished":
            on_node(event.data.node_info.node_name, event.data.node_info.node_status)

    return [forward]

"""Files and database tables into raw_<source>.<table>: as they are, once per content, with nothing lost.

What the rows mean is decided later, in SQL. What belongs here is how bytes are found, split into records, mapped
onto declared column names, and written together with a batch row in one transaction a file.
"""

from warehouse.ingest.batches import LoadReport, prepare_operations
from warehouse.ingest.check import Finding, check_source
from warehouse.ingest.load import load_source
from warehouse.ingest.sources import SourceConfig, TableConfig, load_sources_config

__all__ = [
    "Finding",
    "LoadReport",
    "SourceConfig",
    "TableConfig",
    "check_source",
    "load_source",
    "load_sources_config",
    "prepare_operations",
]

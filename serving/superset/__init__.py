"""Dashboards for Apache Superset, as files: a database, a dataset a mart, and a dashboard a chapter of the report.

`datasets` reads what the marts' YAML and the semantic models say, `dashboards` lists the charts, `charts` writes them
as Superset does, `bundle` puts the files together, `rest` hands them over. What a number means stands in the marts.
"""

from serving.superset.bundle import asset_files, superset_database
from serving.superset.rest import Login, import_assets

__all__ = ["Login", "asset_files", "import_assets", "superset_database"]

"""DuckDB extensions from installed packages, so that a machine without a network loads them too."""

from importlib.util import find_spec
from pathlib import Path

import duckdb

from warehouse.errors import UserError
from warehouse.sql import quote_literal


def load_extension(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Loads the extension that the package duckdb-extension-<name> brings. Raises UserError if it does not fit."""
    package = f"duckdb_extension_{name}"
    requirement = f"{package.replace('_', '-')}=={duckdb.__version__}"
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise UserError(f"The package {requirement} is missing: run `make run` or `uv sync`, which installs it.")
    file = Path(spec.origin).parent / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
    if not file.is_file():
        raise UserError(f"The installed {package} does not fit DuckDB {duckdb.__version__}: install {requirement}.")
    connection.execute(f"load {quote_literal(str(file))}")

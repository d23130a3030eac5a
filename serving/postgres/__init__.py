"""Publications in PostgreSQL, for tools that cannot open a DuckDB file."""

from serving.postgres.load import Loaded, is_behind, load_live, loaded_note

__all__ = ["Loaded", "is_behind", "load_live", "loaded_note"]

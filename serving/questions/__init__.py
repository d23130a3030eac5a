"""Questions to the live publication: a metric by its name, a table's description, one select."""

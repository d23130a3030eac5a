"""What a blank is in texts of files, as in dbt/macros/ids.sql: also one that no keyboard has, or that takes no room."""

from warehouse.sql import quote_literal

# As the pattern of one letter.
BLANK = r"[\s\p{Z}\x{AD}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{2069}\x{FEFF}]"


def without_blanks(value: str) -> str:
    """A text (SQL) without blanks around it."""
    return f"regexp_replace({value}, {quote_literal(f'^{BLANK}+|{BLANK}+$')}, '', 'g')"


def on_one_line(value: str) -> str:
    """A text (SQL) with one plain blank in place of blanks, and none around it."""
    return f"trim(regexp_replace({value}, {quote_literal(f'{BLANK}+')}, ' ', 'g'))"

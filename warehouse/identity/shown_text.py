"""The masked form of delivered text, which may be shown: in Python, in SQL, and by its pattern in dbt.

A line that could not be read as a row may hold anything, even an address or a name. Only its masked form is printed,
sent and published: numbers, dates and times as they are, because they show what is wrong with a format, and any other
text as its shape, every letter an x and every digit a #. The text itself stays in the warehouse.
"""

import re

from warehouse.sql import quote_literal

# A date with or without a time, an amount, or a word for no number. No run of digits is long enough for a phone or a
# card.
_DATE = r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}"
_TIME = r"[ T][0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?( ?[AaPp][Mm])?( ?(Z|UTC|[+-][0-9]{2}(:?[0-9]{2})?))?"
_WHOLE = r"([1-9][0-9]{0,2}([.,'][0-9]{3}){1,2}|[0-9]{0,6})"
_NUMBER = rf"([$€£¥] ?)?[+-]?{_WHOLE}([.,][0-9]{{1,17}})?( ?[$€£¥%])?([eE][+-]?[0-9]{{1,3}})?"
_WORD = r"[+-]?([iI]nf|[iI]nfinity|INF|INFINITY|[nN]a[nN]|NAN)"
SHOWN_TEXT = rf" *({_DATE}({_TIME})?|{_NUMBER}|{_WORD}) *"
LONGEST = 200


def masked_text(text: str) -> str:
    """The masked form of a text."""
    if re.fullmatch(SHOWN_TEXT, text):
        return text
    return "".join("#" if c.isnumeric() else "x" if c.isalpha() else c for c in text[:LONGEST])


def masked_sql(text: str) -> str:
    """The masked form of a text, as SQL; `text` is an expression."""
    shape = (
        f"regexp_replace(regexp_replace(left({text}, {LONGEST}), '\\p{{L}}|\\p{{M}}', 'x', 'g'), '\\p{{N}}', '#', 'g')"
    )
    return f"case when regexp_full_match({text}, {quote_literal(SHOWN_TEXT)}) then {text} else {shape} end"

"""What no message to a user may hold: the words of Python and of its libraries."""

import re

FORBIDDEN = re.compile(r"Traceback|pydantic|[A-Z]\w+Error|Exception|<class|object at 0x")

"""Audiences: lists of customers for mail, text and advertising systems, each a file of the company's own.

The company's `audiences/<name>.yml` says which customers (`definitions`). Who of them may be handed over, and under
which address, is decided in SQL (dbt/models/intermediate/audiences) and applied in `members`. `formats` writes what the
systems read, `webhook` posts, and `store` keeps who was handed over last, so that an export also says who has left.
"""

from serving.audiences.definitions import Audience, read_audience, read_audiences
from serving.audiences.delivery import Prepared, export, prepare
from serving.audiences.store import LastExport, last_exports
from serving.audiences.webhook import Delivered, deliver, deliver_daily, has_daily

__all__ = [
    "Audience",
    "Delivered",
    "LastExport",
    "Prepared",
    "deliver",
    "deliver_daily",
    "export",
    "has_daily",
    "last_exports",
    "prepare",
    "read_audience",
    "read_audiences",
]

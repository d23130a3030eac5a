"""The outbox: messages to customers, created once, and delivered until a receiver has accepted or refused them.

Which customer is told what is decided in SQL (dbt/models/intermediate/messages); here messages are kept (`store`),
put into words (`texts`), and handed over (`delivery`, and a module a channel).
"""

from serving.outbox.delivery import Delivered, check_outbox, deliver, text_of
from serving.outbox.store import create_tables, enqueue_messages, open_messages, take_over

__all__ = [
    "Delivered",
    "check_outbox",
    "create_tables",
    "deliver",
    "enqueue_messages",
    "open_messages",
    "take_over",
    "text_of",
]

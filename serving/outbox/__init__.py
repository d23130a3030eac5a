"""The outbox: messages to customers, created once, and delivered until a receiver has accepted or refused them.

SQL decides which customer gets which message (dbt/models/intermediate/messages). Here messages are kept (`store`), put
into words (`texts`), and handed over (`delivery`, and one module per channel).
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

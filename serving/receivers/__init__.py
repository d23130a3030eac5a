"""Receivers outside of the house: what the outbox and the audiences have in common when they hand something over.

Every exchange has an end (`deadline`), what a receiver answers has a name (`answers`), a web server is posted to in one
way (`webhook`), and one process at a time hands over (`turns`).
"""

from serving.receivers.answers import DeferredError, LostError, RefusedError, UnreachableError
from serving.receivers.deadline import deadline
from serving.receivers.turns import DeliveringError, OpenWarehouse, one_at_a_time
from serving.receivers.webhook import Webhook

__all__ = [
    "DeferredError",
    "DeliveringError",
    "LostError",
    "OpenWarehouse",
    "RefusedError",
    "UnreachableError",
    "Webhook",
    "deadline",
    "one_at_a_time",
]

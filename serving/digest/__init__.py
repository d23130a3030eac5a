"""What the people who run the shop are told without asking: the week's digest, and days that stand out.

`figures` reads both from the live publication, `letters` puts them into words, and `delivery` hands them over, once, by
the transports that messages to customers use.
"""

from serving.digest.delivery import Sent, send_digest, send_due
from serving.digest.figures import alerts_of_last_days, last_week
from serving.digest.letters import alert_sentence, digest_letter

__all__ = [
    "Sent",
    "alert_sentence",
    "alerts_of_last_days",
    "digest_letter",
    "last_week",
    "send_digest",
    "send_due",
]

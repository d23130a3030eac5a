"""How a receiver can say no."""


class RefusedError(Exception):
    """The receiver will never accept this."""


class DeferredError(Exception):
    """The receiver does not accept this now, and may later."""


class LostError(DeferredError):
    """The receiver broke off while something was being handed over."""


class UnreachableError(Exception):
    """Nothing can be delivered now: the receiver does not answer, or rejects the sender or login of the settings."""

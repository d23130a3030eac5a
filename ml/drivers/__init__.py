"""Which first orders good customers began with."""

from ml.drivers.first_orders import DriverResult, compare_first_orders

__all__ = ["DriverResult", "compare_first_orders"]

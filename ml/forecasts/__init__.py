"""Sales and customers of the months ahead, and how well the same had been forecast before."""

from ml.forecasts.forecasting import ForecastResult, forecast_months

__all__ = ["ForecastResult", "forecast_months"]

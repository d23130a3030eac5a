"""Pictures that assets show in the UI, drawn without a browser and carried inside the metadata."""

import base64

import dagster as dg
import pandas as pd


def inline_picture(svg: str) -> dg.MarkdownMetadataValue:
    """An SVG as Markdown that needs no file and no server."""
    return dg.MetadataValue.md(f"![picture](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})")


def churn_curves_svg(curves: pd.DataFrame) -> str:
    """Predicted beside observed churn by decile, and churners found by share of customers addressed, one line a model.

    curves: model, curve (calibration, captured), x, y, customers_count.
    """
    import altair as alt
    import vl_convert

    panels = [
        alt.Chart(curves[curves["curve"] == curve])
        .mark_line(point=True)
        .encode(
            x=alt.X("x:Q", title=x_title, axis=alt.Axis(format="%")),
            y=alt.Y("y:Q", title=y_title, axis=alt.Axis(format="%")),
            color=alt.Color("model:N", title="model"),
        )
        .properties(width=280, height=220, title=curve)
        for curve, x_title, y_title in (
            ("calibration", "predicted", "observed"),
            ("captured", "customers addressed", "churners among them"),
        )
    ]
    return vl_convert.vegalite_to_svg(alt.hconcat(*panels).to_dict())

"""The digest and the alerts in words: sums of a shop, and nobody's data."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from serving.digest.figures import Alert, Figure, Week
from serving.outbox.texts import Text, render
from serving.report import formatting
from warehouse.settings import Settings

# What is said in each language of the settings.
WORDS = {
    "en": {
        "net_sales": "Net sales", "orders": "Orders", "new_customers": "New customers",
        "average_order": "Average order", "discount_rate": "Discount rate", "return_rate": "Return rate",
        "rows_read": "Rows read", "rows_rejected": "Rows rejected",
        "far_from_expected": "far from what that weekday usually brings",
        "three_days_in_a_row": "the third day in a row on one side of what is usual",
        "alert": "{day}: {series}, {place}: {value}, expected {expected}{change}; {reason}",
        "week_before": "{change} on the week before", "year_before": "{change} on a year ago",
        "alone": "nothing to compare with yet",
    },
    "zh": {
        "net_sales": "净销售额", "orders": "订单数", "new_customers": "新客户数", "average_order": "平均订单金额",
        "discount_rate": "折扣率", "return_rate": "退货率", "rows_read": "读取行数", "rows_rejected": "拒绝行数",
        "far_from_expected": "与该星期几的通常水平相差很大",
        "three_days_in_a_row": "连续第三天偏向同一侧",
        "alert": "{day}：{series}，{place}：{value}，预期{expected}{change}；{reason}",
        "week_before": "比上周{change}", "year_before": "比去年同期{change}",
        "alone": "尚无可比数据",
    },
}  # fmt: skip
# Where the rows behind a figure are.
ROWS = {
    "new_customers": "select * from fct_orders where is_first_order and {days}",
    "return_rate": "select * from fct_order_lines where is_return and {days}",
    "discount_rate": "select * from fct_orders where discount_amount > 0 and {days}",
}
OTHER_ROWS = "select * from fct_orders where {days}"


@dataclass(frozen=True)
class Letter:
    """What is sent: a text, an id by which a receiver knows that it has it, and the same as values."""

    letter_id: str
    text: Text
    values: Mapping[str, object]


def alert_sentence(settings: Settings, alert: Alert) -> str:
    """A day that stands out, in one sentence."""
    words = WORDS[settings.language]
    place = alert.source if alert.channel == "all" else f"{alert.source} / {alert.channel}"
    return words["alert"].format(
        day=alert.day,
        series=words[alert.series],
        place=place,
        value=formatting.figure(alert.series, alert.value, settings.base_currency),
        expected=formatting.figure(alert.series, alert.expected, settings.base_currency),
        change="" if alert.change_rate is None else f" ({formatting.signed(alert.change_rate, '.0%')})",
        reason=words[alert.reason],
    )


def digest_letter(settings: Settings, week: Week) -> Letter:
    """The digest of a week. Raises UserError where the company's own template of it cannot be filled."""
    payload = {
        "first_day": str(week.monday),
        "last_day": str(week.sunday),
        "figures": [_line(settings, figure) for figure in week.figures],
        "moved": [{"line": _line(settings, one), "rows": _query(settings, week, one)} for one in week.moved],
        "alerts": [alert_sentence(settings, alert) for alert in week.alerts],
    }
    return _letter(settings, "digest", f"digest-{week.monday}", payload)


def alerts_letter(settings: Settings, alerts: Sequence[Alert]) -> Letter:
    """Days that stand out and that nobody was told of."""
    payload = {
        "alerts": [alert_sentence(settings, alert) for alert in alerts],
        "last_day": str(max(alert.day for alert in alerts)),
    }
    return _letter(settings, "alerts", f"alerts-{payload['last_day']}", payload)


def _letter(settings: Settings, template: str, letter_id: str, payload: Mapping[str, object]) -> Letter:
    written = json.dumps(payload)
    company = formatting.title(settings.company)
    text = render(template, settings.language, written, company, settings.folder / "templates")
    return Letter(letter_id, text, {"id": letter_id, "company": settings.company, "text": text.plain, **payload})


def _line(settings: Settings, figure: Figure) -> str:
    """A figure beside the week before and a year ago."""
    words = WORDS[settings.language]
    place = "" if figure.channel == "all" else f" ({figure.channel})"
    rates = {"week_before": figure.change_rate, "year_before": figure.year_change_rate}
    told = [
        words[name].format(change=formatting.signed(rate, ".1%")) for name, rate in rates.items() if rate is not None
    ]
    value = formatting.figure(figure.series, figure.value, settings.base_currency)
    return f"{words[figure.series]}{place}: {value} ({', '.join(told) or words['alone']})"


def _query(settings: Settings, week: Week, figure: Figure) -> str:
    """The command that shows the rows behind a figure."""
    days = f"order_date between '{week.monday}' and '{week.sunday}'"
    if figure.channel == "unknown":
        days += " and channel is null"
    elif figure.channel != "all":
        quoted = figure.channel.replace("'", "''")
        days += f" and channel = '{quoted}'"
    return f'{settings.command} sql "{ROWS.get(figure.series, OTHER_ROWS).format(days=days)}"'

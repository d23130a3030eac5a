"""The report from front to back."""

from datetime import date

from serving.report import formatting, theme
from serving.report.chapters import (
    acquisition,
    alerts,
    churn_and_value,
    customer_lists,
    customers,
    data_quality,
    first_orders,
    outlook,
    products,
    programme,
    publication,
    retention,
    sales_mix,
    summary,
)
from serving.report.company_sections import company_sections
from serving.report.cube import cube_of
from serving.report.marts import Marts
from serving.report.parts import Company, Report
from warehouse.settings import Settings

SECTIONS = (
    customer_lists.lists,
    customers.sales,
    alerts.unusual_days,
    sales_mix.new_and_returning,
    sales_mix.discounts,
    customers.segments,
    retention.retention,
    first_orders.first_orders,
    acquisition.acquisition,
    products.products,
    churn_and_value.churn,
    churn_and_value.lifetime_value,
    outlook.outlook,
    programme.programme,
    programme.campaigns,
    data_quality.data_quality,
)


def report_of(marts: Marts, settings: Settings) -> Report:
    """The report on the marts of one company."""
    known = marts.rows("from marts.publication") if "publication" in marts.columns else []
    about = known[0] if known else {}
    company = Company(marts, settings, about.get("as_of_date") or _last_day(marts))
    sections = [section(company) for section in SECTIONS]
    cube = cube_of(marts, formatting.symbol(company.currency), _orders(company))
    tiles, sentences, facts = summary.tiles(company), summary.sentences(company), summary.facts(company)
    further, problems = company_sections(company)
    return Report(
        company=formatting.title(settings.company),
        as_of=company.as_of,
        data_through=about.get("data_through"),
        publication=about.get("publication_id", ""),
        tiles=tiles,
        sentences=sentences,
        sections=[*sections, *further, publication.changes(company)],
        facts=facts,
        problems=problems,
        cube=cube,
    )


def _orders(company: Company) -> dict[str, list[str]]:
    """The values of what customers are chosen by, from the best to the worst."""
    tiers = programme.tiers_in_order(company)
    return {"tier": tiers, "rfm_segment": list(customers.SEGMENTS), "churn_band": list(theme.BANDS)}


def _last_day(marts: Marts) -> date | None:
    if not marts.has("fct_order_lines", "order_date"):
        return None
    return marts.one("select max(order_date) from marts.fct_order_lines")

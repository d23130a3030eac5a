"""All entities besides order lines: customers, products, campaigns, and the events of the programme."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from generator.campaigns import Campaign
from generator.company import CATEGORIES, UNITS, Company
from generator.customers import Customers
from generator.draws import Flags, Ints
from generator.order_lines import Catalogue
from generator.orders import ORGANIC, PROMPTED, Orders
from generator.tables import Folder, coded, dates, instants, keys, money

_COUNTRIES = ("DE", "FR", "NL", "AT")
_LANGUAGES = ("en", "zh")
_EVENT_TYPES = ("site_visit", "app_open", "email_open", "email_click")
_COMMENTS = ("Quick delivery", "Too many emails", "Staff were <very> kind & patient", "Queue at the till")
_REWARD_POINTS = 100
_PURCHASES_PER_REWARD = 10

Columns = dict[str, pa.Array]


@dataclass(frozen=True)
class Programme:
    """The data from which the entities are made."""

    company: Company
    customers: Customers
    campaigns: list[Campaign]
    orders: Orders
    catalogue: Catalogue


def write_programme(programme: Programme, folder: Folder) -> None:
    """Write every entity but order_lines; the till has customers, products and redemptions of its own."""
    writers: dict[str, Callable[[Programme], Columns]] = {
        "campaigns": _campaigns,
        "campaign_members": _campaign_members,
        "campaign_arms": _campaign_arms,
        "customer_events": _customer_events,
        "customer_feedback": _customer_feedback,
        "programme_costs": _programme_costs,
        "marketing_spend": _marketing_spend,
        "exchange_rates": _exchange_rates,
        "point_adjustments": _point_adjustments,
    }
    for entity, columns in writers.items():
        if folder.wants(entity):
            folder.write_entity(columns(programme), programme.company.sources[0], entity)
    for number, source in enumerate(programme.company.sources):
        folder.write_entity(_customers(programme, number), source, "customers")
        folder.write_entity(_products(programme), source, "products")
        folder.write_entity(_reward_redemptions(programme, number), source, "reward_redemptions")


def _in_source(company: Company, customer: Ints, source: int) -> Flags:
    """Flag the customers that a source knows: one company's shop all, else most here or there or both."""
    if len(company.sources) == 1:
        return np.ones(len(customer), bool)
    where = company.draws.uniform("known_in", customer)
    return where < 0.8 if source == 0 else where >= 0.4


def _customers(programme: Programme, source: int) -> Columns:
    company, draws = programme.company, programme.company.draws
    everyone = np.arange(len(programme.customers))
    who = everyone[_in_source(company, everyone, source)]
    first = np.minimum(programme.customers.first_at[who], company.days - 1).astype(np.int64)
    day = np.maximum(first - draws.below("joined", who, 10), 0)
    email = pc.binary_join_element_wise(keys("c", who), pa.scalar("example.com"), pa.scalar("@"))
    attributes = pc.binary_join_element_wise(
        pa.scalar('{"favourite_category": "'),
        coded(programme.customers.taste[who], CATEGORIES).cast(pa.string()),
        pa.scalar('"}'),
        pa.scalar(""),
    )
    return {
        "customer_id": programme.catalogue.customer_ids.take(pa.array(who)),
        "joined_at": instants(company.day_starts[day] + draws.below("joined_at", who, 7 * 3600)),
        "email": pc.if_else(pa.array(draws.uniform("email", who) < 0.85), email, pa.scalar(None, pa.string())),
        "country": coded(draws.below("country", who, len(_COUNTRIES)), _COUNTRIES),
        "birth_year": pa.array((1940 + draws.below("birth_year", who, 66)).astype(np.int32)),
        "email_consent": pa.array(draws.uniform("email_consent", who) < 0.7),
        "sms_consent": pa.array(draws.uniform("sms_consent", who) < 0.3),
        "language": coded((draws.uniform("language", who) < 0.3).astype(np.int64), _LANGUAGES),
        "attributes": attributes,
    }


def _products(programme: Programme) -> Columns:
    company = programme.company
    product = np.arange(company.product_count)
    category = product % len(CATEGORIES)
    brand = company.draws.below("brand", product, 40)
    return {
        "product_id": programme.catalogue.product_ids,
        "product_name": pc.binary_join_element_wise(
            coded(category, CATEGORIES).cast(pa.string()), keys("", product // len(CATEGORIES)), pa.scalar(" ")
        ),
        "category": coded(category, CATEGORIES),
        "brand": coded(brand, [f"Brand {n + 1}" for n in range(40)]),
        "unit_cost": money(company.unit_costs),
    }


def _campaigns(programme: Programme) -> Columns:
    company, campaigns = programme.company, programme.campaigns
    start = np.array([campaign.start for campaign in campaigns]) + company.start_ordinal
    last = np.array([campaign.end - 1 for campaign in campaigns]) + company.start_ordinal
    return {
        "campaign_id": programme.catalogue.campaign_ids,
        "campaign_name": pa.array([campaign.plan.name for campaign in campaigns]),
        "campaign_type": pa.array([campaign.plan.kind for campaign in campaigns]),
        "start_date": dates(start),
        "end_date": dates(last),
        "fixed_cost_amount": money(np.array([campaign.fixed_cost for campaign in campaigns])),
        "contact_cost_amount": money(np.array([campaign.plan.contact_cost for campaign in campaigns])),
        "is_randomized": pa.array([campaign.plan.is_randomized for campaign in campaigns]),
    }


def _campaign_members(programme: Programme) -> Columns:
    counts = [len(campaign.member) for campaign in programme.campaigns]
    assigned = programme.company.day_starts[[campaign.start for campaign in programme.campaigns]] - 3600
    arms = list(dict.fromkeys(["control", *(arm for one in programme.campaigns for arm in one.plan.treatments)]))
    arm = [
        np.where(one.is_treated, np.array([arms.index(name) for name in one.plan.treatments])[one.treatment], 0)
        for one in programme.campaigns
    ]
    member = np.concatenate([campaign.member for campaign in programme.campaigns])
    return {
        "campaign_id": coded(np.repeat(np.arange(len(counts)), counts), programme.catalogue.campaign_ids),
        "customer_id": coded(member, programme.catalogue.customer_ids),
        "arm": coded(np.concatenate(arm), arms),
        "assigned_at": instants(np.repeat(assigned, counts)),
    }


def _campaign_arms(programme: Programme) -> Columns:
    """The arms of campaigns with more than one treatment: half of the customers are treated, each way as many."""
    rows = [
        (number, arm, arm == "control", 0.5 if arm == "control" else 0.5 / len(campaign.plan.treatments))
        for number, campaign in enumerate(programme.campaigns)
        if len(campaign.plan.treatments) > 1
        for arm in (*campaign.plan.treatments, "control")
    ]
    campaign, arm, is_control, planned_share = zip(*rows, strict=True)
    return {
        "campaign_id": coded(np.array(campaign), programme.catalogue.campaign_ids),
        "arm": pa.array(arm),
        "is_control": pa.array(is_control),
        "planned_share": pa.array(planned_share),
    }


def _reward_redemptions(programme: Programme, source: int) -> Columns:
    """Coupons of campaigns (their discount is on the order line), and gifts for points at a tenth purchase."""
    orders, catalogue = programme.orders, programme.catalogue
    here = (orders.source == source) & (orders.customer >= 0)
    coupon = np.flatnonzero(here & (orders.campaign >= 0))
    gift = _paid_in_points(programme)
    gift = gift[here[gift]]
    order, is_gift = np.append(coupon, gift), np.arange(len(coupon) + len(gift)) >= len(coupon)
    return {
        "redemption_id": keys("X", np.arange(len(order))),
        "customer_id": coded(orders.customer[order], catalogue.customer_ids),
        "campaign_id": coded(np.where(is_gift, -1, orders.campaign[order]), catalogue.campaign_ids),
        "reward_id": coded(is_gift.astype(np.int64), ["coupon", "gift"]),
        "redeemed_at": instants(orders.at[order]),
        "order_id": keys("O", orders.number[order]),
        "points": pa.array(np.full(len(order), _REWARD_POINTS), mask=~is_gift),
        "cost_amount": money(np.full(len(order), UNITS), ~is_gift),
    }


def _paid_in_points(programme: Programme) -> Ints:
    """Return every tenth purchase of each customer that half a point per amount spent before can pay for."""
    orders = programme.orders
    mine = np.flatnonzero(orders.kind == ORGANIC)
    mine = mine[np.argsort(orders.customer[mine], kind="stable")]
    begins = np.flatnonzero(np.diff(orders.customer[mine], prepend=-1))
    lengths = np.diff(begins, append=len(mine))
    before = np.arange(len(mine)) - np.repeat(begins, lengths)
    net = programme.company.to_base(orders.net, orders.source, orders.day)[mine]
    spent = np.cumsum(net) - net
    spent -= np.repeat(spent[begins], lengths)
    gifts = (before + 1) // _PURCHASES_PER_REWARD
    is_gift = ((before + 1) % _PURCHASES_PER_REWARD == 0) & (spent // 2 >= gifts * _REWARD_POINTS * UNITS)
    return np.sort(mine[is_gift])


def _customer_events(programme: Programme) -> Columns:
    """Visits and mails in the days before purchases: two for every five orders."""
    company, orders = programme.company, programme.orders
    draws = company.draws
    anchors = np.flatnonzero((orders.kind == ORGANIC) | (orders.kind == PROMPTED))
    anchors = anchors[draws.choose("event", len(anchors), max(1, len(anchors) * 2 // 5))]
    at = np.maximum(orders.at[anchors] - draws.below("event_at", anchors, 3 * 86_400), company.day_starts[0])
    kind = draws.below("event_type", anchors, len(_EVENT_TYPES))
    duration = 20 + draws.below("event_duration", anchors, 900)
    return {
        "event_id": keys("E", np.arange(len(anchors))),
        "customer_id": coded(orders.customer[anchors], programme.catalogue.customer_ids),
        "event_type": coded(kind, _EVENT_TYPES),
        "occurred_at": instants(at),
        "duration_seconds": pa.array(duration.astype(np.int32), mask=kind >= 2),
    }


def _customer_feedback(programme: Programme) -> Columns:
    """Ratings of three orders in a hundred; those who drop out sooner are less happy."""
    company, orders = programme.company, programme.orders
    draws = company.draws
    rated = np.flatnonzero(orders.kind == ORGANIC)
    rated = rated[draws.choose("feedback", len(rated), max(1, len(rated) * 3 // 100))]
    customer = orders.customer[rated]
    mood = 10 - 12 * programme.customers.dropout_probability[customer] - 4 * draws.uniform("mood", rated)
    at = orders.at[rated] + draws.below("feedback_at", rated, 3 * 86_400)
    comment = np.where(draws.uniform("comment", rated) < 0.3, rated % len(_COMMENTS), -1)
    return {
        "feedback_id": keys("F", np.arange(len(rated))),
        "customer_id": coded(customer, programme.catalogue.customer_ids),
        "given_at": instants(np.minimum(at, company.day_starts[-1] - 1)),
        "channel": coded(orders.channel[rated] // 2, ["email", "store"]),
        "rating": pa.array(np.clip(np.round(mood), 0, 10).astype(np.int32)),
        "comment": coded(comment, _COMMENTS),
    }


def _programme_costs(programme: Programme) -> Columns:
    """What the platform costs each month: one hundredth of an amount per customer, and 50."""
    day = programme.company.month_starts[:-1]
    monthly = 50 * UNITS + len(programme.customers) * UNITS // 100
    return {
        "cost_id": keys("Q", np.arange(len(day))),
        "cost_date": dates(day + programme.company.start_ordinal),
        "category": coded(np.zeros(len(day), np.int64), ["platform"]),
        "amount": money(np.full(len(day), monthly)),
        "campaign_id": coded(np.full(len(day), -1), programme.catalogue.campaign_ids),
    }


def _marketing_spend(programme: Programme) -> Columns:
    """Thirty euros per customer in all, evenly by month on the web; for the shops half as many dollars."""
    company = programme.company
    day = np.repeat(company.month_starts[:-1], 2)
    number = np.arange(len(day))
    per_month = len(programme.customers) * 30 * UNITS // (len(day) // 2)
    in_shops = number % 2
    return {
        "spend_id": keys("W", number),
        "spend_date": dates(day + company.start_ordinal),
        "channel": coded(in_shops, ["Web", "store"]),
        "campaign_name": coded(np.full(len(day), -1), ["none"]),
        "amount": money(np.where(in_shops, per_month // 2, per_month)),
        "currency": coded(in_shops, ["EUR", "USD"]),
        "clicks": pa.array(np.where(in_shops, 0, per_month // UNITS)),
        "impressions": pa.array(number * 1_000),
    }


def _exchange_rates(programme: Programme) -> Columns:
    company = programme.company
    day = np.arange(company.days)
    return {
        "rate_date": dates(day + company.start_ordinal),
        "currency": coded(np.zeros(company.days, np.int64), ["USD"]),
        "rate": money(company.dollar_rates * (UNITS // 100)),
    }


def _point_adjustments(programme: Programme) -> Columns:
    """Goodwill, or a correction, for one buyer in a hundred on the day after joining in."""
    company = programme.company
    buyers = programme.customers.buyer_count
    who = company.draws.choose("adjusted", buyers, max(1, buyers // 100))
    day = np.minimum(programme.customers.first_at[who].astype(np.int64) + 1, company.days - 1)
    is_goodwill = company.draws.uniform("goodwill", who) < 0.8
    return {
        "adjustment_id": keys("A", np.arange(len(who))),
        "customer_id": coded(who, programme.catalogue.customer_ids),
        "adjusted_at": instants(company.opening_hours("adjusted_at", who, day)),
        "points": pa.array(np.where(is_goodwill, 50, -20)),
        "reason": coded(np.where(is_goodwill, 0, 1), ["goodwill", "correction"]),
    }

{#
  The history of tiers: one row per customer and day on which the tier or its validity changed, for customers who ever
  reach more than the lowest tier. `tiers` is what the customer holds, the tier in force last; those under it come back
  when it is reversed.

  Each iteration takes every customer to the next day on which something happens: a higher tier is reached, returns
  reverse the upgrade, or the grace after the validity ends. On that day, in this order, a reversed tier gives way to
  the one under it; an ended grace renews the tier or takes it one level down; and the tier that the day's metric
  reaches is granted if it is higher.
#}
{%- set far = date_or_null('9999-12-31') -%}
with recursive rules as (

    select * from {{ ref('int_tier_rules') }}

),

metrics as (

    select * from {{ ref('int_tier_metrics') }}

),

-- for who holds a rank after `after_date`: the next day that lifts the metric above it
entries as (

    select
        metrics.customer_id,
        ranks.tier_rank as held_rank,
        metrics.metric_date as entered_on,
        lag(metrics.metric_date, 1, {{ date_or_null('0001-01-01') }}) over (
            partition by metrics.customer_id, ranks.tier_rank
            order by metrics.metric_date
        ) as after_date
    from metrics
    inner join (select distinct tier_rank from rules) as ranks
        on metrics.previous_reached_rank <= ranks.tier_rank and metrics.reached_rank > ranks.tier_rank

),

states as (

    select
        customers.customer_id,
        0 as step,
        customers.known_since as valid_from,
        -- the day itself is still to be looked at
        {{ add_days('customers.known_since', -1) }} as looked_on,
        {{ list_of(held_tier('1', 'cast(null as date)', 'cast(null as date)', 'cast(null as date)')) }} as tiers,
        coalesce(first_metrics.metric_amount, 0) as metric_amount,
        'enrolment' as reason
    from {{ ref('int_customers') }} as customers
    inner join (select distinct customer_id from metrics) as upgraded
        on customers.customer_id = upgraded.customer_id
    left join metrics as first_metrics
        on customers.customer_id = first_metrics.customer_id and customers.known_since = first_metrics.metric_date

    union all

    select
        checked.customer_id,
        checked.step + 1 as step,
        checked.event_date as valid_from,
        checked.event_date as looked_on,
        case
            when upgrades.reached_rank > {{ last_of_list('checked.tiers') }}.tier_rank then
                {{ appended_to_list('checked.tiers', held_tier(
                    'upgrades.reached_rank', 'upgrades.expires_on', 'upgrades.check_on', 'upgrades.reversed_on'
                )) }}
            else checked.tiers
        end as tiers,
        checked.metric_amount,
        case
            when greatest(coalesce(upgrades.reached_rank, 1), {{ last_of_list('checked.tiers') }}.tier_rank)
                > checked.rank_before then 'upgrade'
            when checked.is_reversed then 'return'
            when {{ last_of_list('checked.tiers') }}.tier_rank < checked.rank_before then 'downgrade'
            else 'renewal'
        end as reason
    from (
        select
            unreversed.customer_id,
            unreversed.step,
            unreversed.event_date,
            unreversed.rank_before,
            unreversed.is_reversed,
            metrics.metric_amount,
            case
                when unreversed.held.check_on is null or unreversed.held.check_on > unreversed.event_date then unreversed.tiers
                when metrics.metric_amount >= rules.keep_amount then
                    {{ list_of(renewed_tier('unreversed.held', 'unreversed.held.tier_rank')) }}
                when unreversed.held.tier_rank > 2 then
                    {{ list_of(renewed_tier('unreversed.held', 'unreversed.held.tier_rank - 1')) }}
                else {{ list_of(held_tier('1', 'cast(null as date)', 'cast(null as date)', 'cast(null as date)')) }}
            end as tiers
        from (
            select
                customer_id,
                step,
                event_date,
                rank_before,
                is_reversed,
                tiers,
                {{ last_of_list('tiers') }} as held
            from (
                select
                    customer_id,
                    step,
                    event_date,
                    held.tier_rank as rank_before,
                    held.reversed_on is not null and held.reversed_on <= event_date as is_reversed,
                    {{ unreversed_tiers('tiers', 'event_date') }} as tiers
                from (
                    select
                        states.customer_id,
                        states.step,
                        states.tiers,
                        {{ last_of_list('states.tiers') }} as held,
                        least(
                            coalesce(entries.entered_on, {{ far }}),
                            coalesce({{ last_of_list('states.tiers') }}.reversed_on, {{ far }}),
                            coalesce({{ last_of_list('states.tiers') }}.check_on, {{ far }})
                        ) as event_date
                    from states
                    left join entries
                        on states.customer_id = entries.customer_id
                        and {{ last_of_list('states.tiers') }}.tier_rank = entries.held_rank
                        and states.looked_on >= entries.after_date
                        and states.looked_on < entries.entered_on
                ) as next_events
                where event_date <= (select as_of_date from {{ ref('int_run_dates') }})
            ) as reversed
        ) as unreversed
        inner join metrics
            on unreversed.customer_id = metrics.customer_id
            and unreversed.event_date >= metrics.metric_date
            and unreversed.event_date < metrics.next_metric_date
        inner join rules
            on unreversed.held.tier_rank = rules.tier_rank
            and unreversed.event_date >= rules.valid_from
            and unreversed.event_date < rules.valid_to
    ) as checked
    left join {{ ref('int_tier_upgrades') }} as upgrades
        on checked.customer_id = upgrades.customer_id and checked.event_date = upgrades.upgrade_date

)

select
    customer_id,
    valid_from,
    {{ last_of_list('tiers') }}.tier_rank as tier_rank,
    {{ last_of_list('tiers') }}.expires_on as expires_on,
    metric_amount,
    reason
from states
-- who reaches a higher tier on the first day enrols in it
where step > 0 or not exists (
    select 1 from states as later
    where later.customer_id = states.customer_id and later.valid_from = states.valid_from and later.step > 0
)

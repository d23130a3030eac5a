{#
  The history of tiers of customers who ever reach more than the lowest one. `tiers` is what a customer holds, the tier
  in force last; those under it come back when it is reversed.

  Each iteration takes every customer to the next day on which something happens, and through the steps of that day: a
  reversed tier gives way to the one under it; an ended grace renews the tier or takes it one level down; and the tier
  that the day's metric reaches is granted if it is higher.
#}
{%- set far, nothing = date_or_null('9999-12-31'), 'cast(null as date)' -%}
{%- set lowest_tier = held_tier('1', nothing, nothing, nothing) -%}
with recursive run_dates as (

    select * from {{ ref('int_run_dates') }}

),

customers as (

    select * from {{ ref('int_tier_members') }}

),

rules as (

    select * from {{ ref('int_tier_rules') }}

),

metrics as (

    select * from {{ ref('int_tier_metrics') }}

),

entries as (

    select * from {{ ref('int_tier_entries') }}

),

upgrades as (

    select * from {{ ref('int_tier_upgrades') }}

),

enrolled as (

    select
        customers.customer_id,
        customers.enrolled_on,
        coalesce(max(metrics.metric_amount) filter (where metrics.metric_date = customers.enrolled_on), 0) as metric_amount
    from customers
    inner join metrics on customers.customer_id = metrics.customer_id
    group by customers.customer_id, customers.enrolled_on

),

states as (

    select
        customer_id,
        0 as step,
        enrolled_on as valid_from,
        -- the day itself is still to be looked at
        {{ add_days('enrolled_on', -1) }} as looked_on,
        {{ list_of(lowest_tier) }} as tiers,
        metric_amount,
        'enrolment' as reason
    from enrolled

    union all

    (
        with in_force as (

            select customer_id, step, looked_on, tiers, {{ last_of_list('tiers') }} as held
            from states

        ),

        next_events as (

            select
                in_force.*,
                least(
                    coalesce(entries.entered_on, {{ far }}),
                    coalesce(in_force.held.reversed_on, {{ far }}),
                    coalesce(in_force.held.check_on, {{ far }})
                ) as event_date
            from in_force
            left join entries
                on in_force.customer_id = entries.customer_id
                and in_force.held.tier_rank = entries.held_rank
                and in_force.looked_on >= entries.after_date
                and in_force.looked_on < entries.entered_on

        ),

        reversed as (

            select
                customer_id,
                step,
                event_date,
                held.tier_rank as rank_before,
                coalesce(held.reversed_on <= event_date, false) as is_reversed,
                {{ unreversed_tiers('tiers', 'event_date') }} as tiers
            from next_events
            where event_date <= (select as_of_date from run_dates)

        ),

        remaining as (

            select *, {{ last_of_list('tiers') }} as held
            from reversed

        ),

        measured as (

            select
                remaining.*,
                metrics.metric_amount,
                rules.keep_amount,
                rules.lower_rank,
                rules.validity_months,
                rules.grace_days
            from remaining
            inner join metrics
                on remaining.customer_id = metrics.customer_id
                and remaining.event_date >= metrics.metric_date
                and remaining.event_date < metrics.next_metric_date
            inner join rules
                on remaining.held.tier_rank = rules.tier_rank
                and remaining.event_date >= rules.valid_from
                and remaining.event_date < rules.valid_to

        ),

        checked as (

            select
                customer_id,
                step,
                event_date,
                rank_before,
                is_reversed,
                metric_amount,
                case
                    when held.check_on is null or held.check_on > event_date then tiers
                    when metric_amount >= keep_amount then {{ list_of(renewed_tier('held', 'held.tier_rank')) }}
                    when lower_rank > 1 then {{ list_of(renewed_tier('held', 'lower_rank')) }}
                    else {{ list_of(lowest_tier) }}
                end as tiers
            from measured

        ),

        offered as (

            select
                checked.*,
                {{ last_of_list('checked.tiers') }}.tier_rank as rank_after_check,
                coalesce(upgrades.reached_rank, 1) as reached_rank,
                {{ held_tier('upgrades.reached_rank', 'upgrades.expires_on', 'upgrades.check_on', 'upgrades.reversed_on') }}
                    as upgrade
            from checked
            left join upgrades
                on checked.customer_id = upgrades.customer_id and checked.event_date = upgrades.upgrade_date

        )

        select
            customer_id,
            step + 1 as step,
            event_date as valid_from,
            event_date as looked_on,
            case
                when reached_rank > rank_after_check then {{ appended_to_list('tiers', 'upgrade') }}
                else tiers
            end as tiers,
            metric_amount,
            case
                when greatest(reached_rank, rank_after_check) > rank_before then 'upgrade'
                when is_reversed then 'return'
                when rank_after_check < rank_before then 'downgrade'
                else 'renewal'
            end as reason
        from offered
    )

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

-- Every customer has rows without gaps or overlap up to one open row, and the months' members sum to the customers.
with tiers as (

    select
        *,
        lead(valid_from) over (partition by customer_id order by valid_from) as next_valid_from,
        lag(tier) over (partition by customer_id order by valid_from) as tier_before,
        row_number() over (partition by customer_id order by valid_from) as row_number
    from {{ ref('fct_customer_tiers') }}

),

open_rows as (

    select customers.customer_id, customers.enrolled_on, count(tiers.customer_id) as rows_count, min(first_rows.valid_from) as first_date
    from {{ ref('int_tier_members') }} as customers
    left join tiers on customers.customer_id = tiers.customer_id and tiers.is_current
    left join tiers as first_rows on customers.customer_id = first_rows.customer_id and first_rows.row_number = 1
    group by customers.customer_id, customers.enrolled_on

),

-- a validity that began on the first day of the data, under the shortest validity of any version of the rules
earliest_expiry as (

    select last_day({{ add_months('min(run_dates.data_from)', 'min(rules.validity_months)') }}) as expires_on
    from {{ ref('int_run_dates') }} as run_dates
    cross join {{ ref('int_tier_rules') }} as rules

),

members as (

    select month, sum(customers_count) as customers_count
    from {{ ref('rpt_tier_movements') }}
    group by month

),

enrolled as (

    select {{ month_of('enrolled_on') }} as month, count(*) as customers_count
    from {{ ref('int_tier_members') }}
    group by {{ month_of('enrolled_on') }}

)

select 'a row does not end where the next begins' as rule, concat_ws(' | ', customer_id, valid_from) as row_key
from tiers
where valid_to is distinct from next_valid_from

union all

select 'previous_tier is not the tier of the row before' as rule, concat_ws(' | ', customer_id, valid_from) as row_key
from tiers
where previous_tier is distinct from tier_before

union all

select 'not one open row from the day the customer is known and there are rules' as rule, customer_id as row_key
from open_rows
where rows_count <> 1 or first_date <> enrolled_on

union all

-- a year of data, such as Complete Journey's, shows neither
select 'a renewal or downgrade before any validity can have ended' as rule, concat_ws(' | ', customer_id, valid_from) as row_key
from tiers
cross join earliest_expiry
where tiers.reason in ('renewal', 'downgrade') and tiers.valid_from <= earliest_expiry.expires_on

union all

select 'the tiers of a month do not sum to the customers' as rule, {{ as_text('members.month') }} as row_key
from members
left join enrolled on enrolled.month <= members.month
group by members.month, members.customers_count
having members.customers_count <> sum(enrolled.customers_count)

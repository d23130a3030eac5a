{{ config(materialized='view') }}
-- Everybody holds a tier from the day they are known on, but not before the first rules.
with customers as (

    select * from {{ ref('int_customers') }}

),

first_rules as (

    select min(valid_from) as valid_from
    from {{ ref('int_tier_rules') }}

),

enrolled as (

    select
        customers.customer_id,
        greatest(customers.known_since, first_rules.valid_from) as enrolled_on
    from customers
    cross join first_rules

)

select customer_id, enrolled_on
from enrolled
where enrolled_on <= (select as_of_date from {{ ref('int_run_dates') }})

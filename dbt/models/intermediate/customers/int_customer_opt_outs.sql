{{ config(materialized='view') }}
with customer_events as (

    select * from {{ ref('int_customer_events') }}

),

choices as (

    select
        customer_id,
        max(occurred_at) filter (where event_type in {{ text_list(opt_out_events()) }}) as opted_out_at,
        max(occurred_at) filter (where event_type = 'opt_in') as opted_in_at
    from customer_events
    group by customer_id

)

select customer_id, opted_out_at
from choices
where opted_out_at >= coalesce(opted_in_at, opted_out_at)

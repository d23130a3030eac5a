{{ config(materialized='view') }}
-- What joins nobody though several ids have it. It is told by its hash and by the first of its ids, never shown.
with contact_links as (

    select * from {{ ref('int_customer_contact_links') }}
    where outcome in ('stop_list', 'too_many_ids')

)

select
    contact,
    contact_hash,
    outcome as reason,
    ids_count,
    min(customer_id) as first_customer_id
from contact_links
group by contact, contact_hash, outcome, ids_count

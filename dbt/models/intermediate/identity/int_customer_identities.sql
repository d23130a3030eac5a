with source_customers as (

    select * from {{ ref('int_source_customers') }}

),

linked_customers as (

    select * from {{ ref('int_linked_customers') }}
    where customer_id <> source_customer_id

)

select
    source_customers.source,
    source_customers.source_customer_id,
    coalesce(linked_customers.customer_id, source_customers.source_customer_id) as customer_id,
    coalesce(linked_customers.rule, 'own_id') as rule,
    source_customers.first_seen
from source_customers
left join linked_customers on source_customers.source_customer_id = linked_customers.source_customer_id

{#
  One row per customer: the language to write in, and why the customer must not be written to, NULL where nothing says
  so. Who opted out may opt in again. No address stands here.
#}
with customers as (

    select * from {{ ref('int_customers') }}

),

records as (

    select customer_id, email_consent, lower(substring(language, 1, 2)) as language
    from {{ accepted(ref('int_customer_versions')) }} as records

),

contacts as (

    select customer_id from {{ accepted(ref('int_customer_contact_versions')) }} as contacts
    where trim(email) <> ''

),

choices as (

    select
        customer_id,
        max(occurred_at) filter (where event_type in {{ text_list(opt_out_events()) }}) as opted_out_at,
        max(occurred_at) filter (where event_type = 'opt_in') as opted_in_at
    from {{ accepted(ref('int_customer_event_versions')) }} as customer_events
    where {{ business_date('occurred_at') }} <= (select as_of_date from {{ ref('int_run_dates') }})
    group by customer_id

)

select
    customers.customer_id,
    case
        when records.language in {{ text_list(message_languages()) }} then records.language
        else '{{ var("language") }}'
    end as language,
    case
        when contacts.customer_id is null then 'no_contact'
        when choices.opted_out_at >= coalesce(choices.opted_in_at, choices.opted_out_at) then 'opted_out'
        when coalesce(records.email_consent, false) = false then 'no_consent'
    end as withheld_reason
from customers
left join records on customers.customer_id = records.customer_id
left join contacts on customers.customer_id = contacts.customer_id
left join choices on customers.customer_id = choices.customer_id

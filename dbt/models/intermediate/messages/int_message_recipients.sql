{#
  The language to write to a customer in, the id whose record has the address, and why the customer must not be written to,
  NULL where nothing says so. Of a person with several ids the first that has an address
  decides, the own one before others. No address stands here.
#}
with customers as (

    select * from {{ ref('int_customers') }}

),

customer_records as (

    select *, lower(substring(language, 1, 2)) as language_code
    from {{ ref('int_customer_records') }}

),

contacts as (

    select
        customer_id,
        min_by(source_customer_id, {{ own_id_first() }}) as contact_customer_id
    from {{ resolved(accepted(ref('int_customer_contact_versions')), source_id=true) }}
    where trim(email) <> ''
    group by customer_id

),

opt_outs as (

    select * from {{ ref('int_customer_opt_outs') }}

)

select
    customers.customer_id,
    -- the languages that templates/ has every template in
    case
        when customer_records.language_code in ('en', 'zh') then customer_records.language_code
        else {{ text_literal(var('language')) }}
    end as language,
    contacts.contact_customer_id,
    case
        when contacts.customer_id is null then 'no_contact'
        when opt_outs.customer_id is not null then 'opted_out'
        when coalesce(customer_records.email_consent, false) = false then 'no_consent'
    end as withheld_reason
from customers
left join customer_records on customers.customer_id = customer_records.customer_id
left join contacts on customers.customer_id = contacts.customer_id
left join opt_outs on customers.customer_id = opt_outs.customer_id

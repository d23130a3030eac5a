{{ config(materialized='view') }}
{#
  Where each customer could be reached, what the customer agreed to, and what speaks against an audience. A view, as
  addresses and numbers stand in one table. Of a person with several ids the first that has an address decides, the own one
  before others; the same of the number, the names and the postal code.
#}
with customers as (

    select * from {{ ref('int_customers') }}

),

customer_records as (

    select * from {{ ref('int_customer_records') }}

),

contact_versions as (

    select
        customer_id,
        source_customer_id,
        {{ compared_email('email') }} as email,
        {{ international_phone('phone') }} as phone,
        {{ plain_text('first_name') }} as first_name,
        {{ plain_text('last_name') }} as last_name,
        {{ plain_text('postal_code') }} as postal_code
    from {{ resolved(accepted(ref('int_customer_contact_versions')), source_id=true) }}

),

contacts as (

    select
        customer_id,
        min_by(email, {{ own_id_first() }}) filter (where email is not null) as email,
        min_by(phone, {{ own_id_first() }}) filter (where phone is not null) as phone,
        min_by(first_name, {{ own_id_first() }}) filter (where first_name is not null) as first_name,
        min_by(last_name, {{ own_id_first() }}) filter (where last_name is not null) as last_name,
        min_by(postal_code, {{ own_id_first() }}) filter (where postal_code is not null) as postal_code
    from contact_versions
    group by customer_id

),

opt_outs as (

    select * from {{ ref('int_customer_opt_outs') }}

),

holdout as (

    select * from {{ ref('int_permanent_holdout') }}

)

select
    customers.customer_id,
    contacts.email,
    contacts.phone,
    contacts.first_name,
    contacts.last_name,
    contacts.postal_code,
    coalesce(customer_records.email_consent, false) as email_consent,
    coalesce(customer_records.sms_consent, false) as sms_consent,
    coalesce(customer_records.ads_consent, false) as ads_consent,
    opt_outs.customer_id is not null as has_opted_out,
    holdout.customer_id is not null as is_held_out
from customers
left join customer_records on customers.customer_id = customer_records.customer_id
left join contacts on customers.customer_id = contacts.customer_id
left join opt_outs on customers.customer_id = opt_outs.customer_id
left join holdout on customers.customer_id = holdout.customer_id

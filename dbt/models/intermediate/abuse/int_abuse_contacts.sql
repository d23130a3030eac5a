-- One row per customer and kind of contact that several customers share. A contact is compared by its hash, never shown.
with customer_contacts as (

    select * from {{ resolved(accepted(ref('int_customer_contact_versions'))) }}

),

contact_hashes as (

    select customer_id, 'email' as contact, md5(lower(trim(email))) as contact_hash
    from {{ resolved(accepted(ref('int_customer_contact_versions'))) }} as contacts
    where trim(email) <> ''

    -- a person with several ids has a contact once
    union

    select customer_id, 'phone', md5({{ digits_of('phone') }})
    from customer_contacts as contacts
    where {{ digits_of('phone') }} <> ''

),

shared_contacts as (

    select contact, contact_hash, count(distinct customer_id) as customers_count, min(customer_id) as first_customer_id
    from contact_hashes
    group by contact, contact_hash
    having count(distinct customer_id) >= {{ setting('abuse', 'customers_a_contact') }}

)

select
    contact_hashes.customer_id,
    'shared_contact' as flag,
    contact_hashes.contact as subject,
    cast(null as date) as first_date,
    cast(null as date) as last_date,
    cast(shared_contacts.customers_count as double) as measured,
    {{ setting('abuse', 'customers_a_contact') }} as threshold,
    {{ as_text('shared_contacts.customers_count') }} || ' customers have the same ' || contact_hashes.contact
        || ', the first of them ' || shared_contacts.first_customer_id as evidence
from contact_hashes
inner join shared_contacts
    on contact_hashes.contact = shared_contacts.contact and contact_hashes.contact_hash = shared_contacts.contact_hash

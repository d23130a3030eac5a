{#
  The addresses and numbers that rows name together with a customer id, as hashes, and what each does: `links` joins its
  ids, `single` is of one id alone, and one that too many ids have, or that the stop list names, joins nobody. Earlier
  versions of a row count as well; not those of a file that was replaced, and of rows that their database no longer has.
#}
with source_customers as (

    select * from {{ ref('int_source_customers') }}

),

{{ gone_ctes() }}
contacts as (

    select versions.customer_id, source_customers.first_seen, versions.email, versions.phone
    from {{ ref('int_customer_contact_versions') }} as versions
    inner join source_customers on versions.customer_id = source_customers.source_customer_id
    left join replaced_batches on versions._batch_id = replaced_batches.batch_id
    left join deleted_rows on versions._batch_id = deleted_rows.batch_id and versions._row_number = deleted_rows.row_number
    where versions.row_status <> 'rejected' and replaced_batches.batch_id is null and deleted_rows.batch_id is null

),

compared as (

    select distinct customer_id, first_seen, 'email' as contact, {{ compared_email('email') }} as value
    from contacts

    union all

    select distinct customer_id, first_seen, 'phone' as contact, {{ compared_phone('phone') }} as value
    from contacts

),

counted as (

    select
        customer_id,
        first_seen,
        contact,
        md5(value) as contact_hash,
        count(*) over (partition by contact, value) as ids_count,
        case contact
            when 'email' then {{ is_stopped_email('value') }}
            else {{ is_stopped_phone('value') }}
        end as is_stopped
    from compared
    where value is not null

)

select
    customer_id,
    first_seen,
    contact,
    contact_hash,
    ids_count,
    case
        when ids_count = 1 then 'single'
        when is_stopped then 'stop_list'
        when ids_count > {{ setting('identity', 'most_ids') }} then 'too_many_ids'
        else 'links'
    end as outcome
from counted

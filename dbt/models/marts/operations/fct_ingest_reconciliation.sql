with loaded_batches as (

    select * from {{ ref('stg_ops__batches') }}

),

delivered as (

    select * from {{ ref('int_order_line_batches') }}

),

judged_rows as (

{% for entity in reconciled_entities() %}
    {%- set relation = ref('int_' ~ entity_singular(entity) ~ '_versions') %}
    {%- set amount = 'net_amount_delivered' if entity == 'order_lines' else 'cast(null as decimal(18, 4))' %}
    select
        _source as source,
        '{{ entity }}' as entity,
        _batch_id as batch_id,
        -- a row is what was delivered: what it stands for beside its own line is counted in amounts alone
        count(*) filter (where _part = 0) as rows_count,
        count(*) filter (where row_status = 'accepted' and _part = 0) as rows_accepted,
        count(*) filter (where row_status = 'rejected' and _part = 0) as rows_rejected,
        count(*) filter (where row_status = 'superseded' and _part = 0) as rows_superseded,
        sum({{ amount }}) filter (where row_status = 'accepted') as amount_accepted,
        sum({{ amount }}) filter (where row_status = 'rejected') as amount_rejected,
        sum({{ amount }}) filter (where row_status = 'superseded') as amount_superseded
    from {{ relation }}
    group by _source, _batch_id
    {{ 'union all' if not loop.last }}
{% endfor %}

),

-- the entity whose staging model keeps every row of a raw table; others are derived from the same rows
tables as (

    {{ table_entities() }}

),

batches as (

    select loaded_batches.*, tables.entity
    from loaded_batches
    inner join tables on loaded_batches.source = tables.source and loaded_batches.table_name = tables.table_name

),

combined as (

    select
        coalesce(batches.source, judged_rows.source) as source,
        coalesce(batches.entity, judged_rows.entity) as entity,
        coalesce(batches.batch_id, judged_rows.batch_id) as batch_id,
        batches.file,
        coalesce(batches.rows_read, judged_rows.rows_count) as rows_read,
        coalesce(judged_rows.rows_accepted, 0) as rows_accepted,
        coalesce(judged_rows.rows_rejected, 0) + coalesce(batches.rows_malformed, 0) as rows_rejected,
        coalesce(judged_rows.rows_superseded, 0) as rows_superseded,
        delivered.net_amount as amount_read,
        case when delivered.batch_id is not null then coalesce(judged_rows.amount_accepted, 0) end as amount_accepted,
        case when delivered.batch_id is not null then coalesce(judged_rows.amount_rejected, 0) end as amount_rejected,
        case when delivered.batch_id is not null then coalesce(judged_rows.amount_superseded, 0) end as amount_superseded
    from batches
    full outer join judged_rows on batches.batch_id = judged_rows.batch_id and batches.entity = judged_rows.entity
    left join delivered
        on judged_rows.batch_id = delivered.batch_id and judged_rows.entity = 'order_lines'

)

select
    source,
    entity,
    batch_id,
    file,
    rows_read,
    rows_accepted,
    rows_rejected,
    rows_superseded,
    amount_read,
    {{ money('amount_accepted') }} as amount_accepted,
    {{ money('amount_rejected') }} as amount_rejected,
    {{ money('amount_superseded') }} as amount_superseded,
    rows_read - rows_accepted - rows_rejected - rows_superseded as difference,
    {{ money('coalesce(amount_read - amount_accepted - amount_rejected - amount_superseded, 0)') }} as amount_difference
from combined

-- Of every table and of every file of some size, no larger share than ingest.rejected_share is rejected; a share of 1 lets
-- everything pass.
-- A file that came again is judged by what it holds now.
with reconciliation as (

    select
        reconciliation.*,
        coalesce(batches.is_extract, true) as is_extract,
        row_number() over (
            partition by reconciliation.source, reconciliation.entity, reconciliation.file order by reconciliation.batch_id desc
        ) = 1 as is_latest
    from {{ ref('fct_ingest_reconciliation') }} as reconciliation
    left join {{ ref('stg_ops__batches') }} as batches
        on reconciliation.batch_id = batches.batch_id and reconciliation.file = batches.file

),

reasons as (

    select
        batch_id,
        entity,
        reason,
        count(*) as rows_count,
        min(row_number) as row_number,
        min_by(file, row_number) as file,
        min_by(rejected_value, row_number) as rejected_value
    from {{ ref('fct_rejected_rows') }}
    group by batch_id, entity, reason

),

first_reasons as (

    select batch_id, entity, reason, row_number, file, rejected_value
    from reasons
    qualify row_number() over (partition by batch_id, entity order by rows_count desc, reason) = 1

),

parts as (

    select source, entity, file, batch_id, rows_read - rows_superseded as rows_count, rows_accepted, rows_rejected, 20 as least_count
    from reconciliation
    where is_latest and file is not null

    union all

    select
        source,
        entity,
        'all files' as file,
        max(batch_id) filter (where rows_rejected > 0) as batch_id,
        sum(rows_read - rows_superseded) as rows_count,
        sum(rows_accepted) as rows_accepted,
        sum(rows_rejected) as rows_rejected,
        1 as least_count
    from reconciliation
    where is_latest or is_extract
    group by source, entity

)

select
    parts.source || ', ' || parts.file || ': ' || parts.rows_count || ' rows of ' || parts.entity || ', '
    || parts.rows_accepted || ' accepted, ' || parts.rows_rejected || ' rejected, for the most part "'
    || coalesce(first_reasons.reason, 'malformed') || '" (first in ' || coalesce(first_reasons.file, '?')
    || ' row ' || coalesce({{ as_text('first_reasons.row_number') }}, '?')
    || coalesce(', "' || left(first_reasons.rejected_value, 80) || '"', '')
    || '). Mend the file or the mapping, or raise ingest.rejected_share' as rule,
    {{ as_text('null') }} as row_key
from parts
left join first_reasons on parts.batch_id = first_reasons.batch_id and parts.entity = first_reasons.entity
where
    parts.rows_count >= parts.least_count
    and parts.rows_rejected > 0
    and parts.rows_rejected > {{ var('ingest').get('rejected_share', 1) }} * parts.rows_count

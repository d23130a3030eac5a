{#
  A view, because what a publication changes is known once every other mart is built: it is compared with the live
  publication, and the rows that this finds are published with it.
#}
{{ config(materialized='view') }}

with publication_changes as (

    select * from {{ ref('stg_ops__publication_changes') }}

)

select
    build_id,
    publication_id,
    compared_with,
    mart,
    days,
    column_name,
    rows_before_count,
    rows_count,
    added_count,
    removed_count,
    changed_count,
    differing_count,
    difference,
    restated_rate
from publication_changes

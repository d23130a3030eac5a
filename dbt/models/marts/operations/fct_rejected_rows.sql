with rejected_lines as (

    select * from {{ ref('stg_ops__rejected_lines') }}

),

tables as (

    {{ table_entities() }}

),

rows_rejected as (

{% for entity, declared in var('entities').items() %}
    {%- set columns = declared['columns'] %}
    select
        _source as source,
        '{{ entity }}' as entity,
        _batch_id as batch_id,
        _file as file,
        _row_number as row_number,
        _part as part,
        split_part(reject_reason, chr(9), 1) as reason,
        nullif(split_part(reject_reason, chr(9), 2), '') as rejected_value,
        {{ json_record(columns.keys() | list) }} as record
    from (
        select
            {%- for name, column in columns.items() %}
            {{ shown_column(name, column) }} as {{ name }},
            {%- endfor %}
            _source,
            _batch_id,
            _file,
            _row_number,
            _part,
            reject_reason
        from {{ ref('int_' ~ entity_singular(entity) ~ '_versions') }}
        where row_status = 'rejected'
    ) as rejected

    union all
{% endfor %}

    select
        rejected_lines.source,
        coalesce(tables.entity, rejected_lines.table_name) as entity,
        rejected_lines.batch_id,
        rejected_lines.file,
        rejected_lines.row_number,
        cast(0 as bigint) as part,
        rejected_lines.reason,
        rejected_lines.line as rejected_value,
        {{ json_record(['line']) }} as record
    from rejected_lines
    left join tables
        on rejected_lines.source = tables.source and rejected_lines.table_name = tables.table_name

)

select * from rows_rejected

{# How the rows of every source become one entity. What an entity is stands in entities.yml. #}

{# The columns of an entity as [name, type, need]; none while dbt parses without a company. #}
{% macro entity_columns(entity) %}
    {% set columns = [] %}
    {% for name, column in var('entities').get(entity, {}).get('columns', {}).items() %}
        {% do columns.append([name, dbt.type_string() if column['type'] == 'text' else column['type'], column['need']]) %}
    {% endfor %}
    {{ return(columns) }}
{% endmacro %}

{#
  The staging models that bring an entity, as [source, relation]. Some entities come with another's: contacts with the
  customers.
#}
{% macro entity_relations(entity) %}
    {% set staged = var('entities').get(entity, {}).get('delivered_with') or entity %}
    {% set relations = [] %}
    {% for source, entities in var('source_entities').items() if staged in entities %}
        {% do relations.append([source, ref('stg_' ~ source ~ '__' ~ staged)]) %}
    {% endfor %}
    {{ return(relations) }}
{% endmacro %}

{#
  All versions of an entity's rows from every source: the entity's columns, prefixed where keys of sources
  could collide, and `_source`, `_batch_id`, `_file`, `_row_number`, `_part` (0, and more for what a row stands for beside
  its own line), `_version` (by which a row supersedes another, see row_status_ctes), `_reject_reason` (of the source's own mapping, or of what no row can hold). A missing optional column is
  NULL; a missing required one stops the build and lists what was found. Where there is a relation `among`, only rows whose
  key is in it, picked before anything is worked out of the others.
#}
{% macro union_entity(entity, among=none) %}
    {% set relations = entity_relations(entity) %}
    {% for source, relation in relations %}
        {% if not loop.first %}union all{% endif %}
        {{ select_entity(entity, source, relation, among) }}
    {% endfor %}
    {% if not relations %}{{ select_no_entity(entity) }}{% endif %}
{% endmacro %}

{# Of one source: first what surrounds ids goes, then what is none, then what is impossible; each needs the one before. #}
{% macro select_entity(entity, source, relation, among=none) %}
    {% set types = {} %}
    {% if execute %}
        {% for column in adapter.get_columns_in_relation(relation) %}{% do types.update({column.name: column.dtype | upper}) %}{% endfor %}
        {% do require_columns(entity, relation, types.keys() | list) %}
    {% endif %}
    {% set present = types.keys() | list %}
    {% set columns = var('entities').get(entity, {}).get('columns', {}) %}
        select
        {%- for name, column in columns.items() %}
            {{ entity_expression(source, name, column, name in present) }} as {{ name }},
        {%- endfor %}
            {{ text_literal(source) }} as _source,
            _batch_id,
            _file,
            _row_number,
            _part,
            _version,
            coalesce(_reject_reason, {{ implausible_reason(entity, present) }}) as _reject_reason
        from (
            select
            {%- for name, column in columns.items() if name in present %}
                {{ clean_id(name, source, name) if column['prefixed'] else name }} as {{ name }},
            {%- endfor %}
                _batch_id,
                _file,
                _row_number,
                _part,
                _version,
                _reject_reason
            from (
                select
                {%- for name, column in columns.items() if name in present %}
                    {{ typed_column(name, column, types[name]) }} as {{ name }},
                {%- endfor %}
                    _batch_id,
                    _file,
                    _row_number,
                    cast({{ '_part' if '_part' in present else '0' }} as bigint) as _part,
                    cast({{ '_version' if '_version' in present else 'null' }} as decimal(38, 6)) as _version,
                    {{ '_reject_reason' if '_reject_reason' in present else as_text('null') }} as _reject_reason
                from {{ relation if not among else rows_among(among, entity, source, relation, types) }}
            ) as typed
        ) as delivered
        left join (select batch_id, loaded_until from {{ ref('stg_ops__batches') }}) as batches
            on delivered._batch_id = batches.batch_id
{% endmacro %}

{# The rows of a staging model whose key is in `among`. Of the other rows nothing is worked out but the key. #}
{% macro rows_among(among, entity, source, relation, types) %}
    {%- for name, column in var('entities')[entity]['columns'].items() if column['need'] == 'key' %}(
                    select * from (
                        select
                            *,
                            {{ '' if '_part' in types else 'cast(0 as bigint) as _part,' }}
                            {{ typed_column(name, column, types[name]) }} as _key
                        from {{ relation }}
                    ) as keyed
                    where {{ entity_expression(source, name, column, true, clean_id('_key', source, name)) }} in (
                        select {{ name }} from {{ among }}
                    )
                ) as wanted
    {%- endfor %}
{% endmacro %}

{# A column of a staging model as the entity's type: an id without what surrounds it, a currency in capitals. #}
{% macro typed_column(name, column, type) %}
    {%- if column['prefixed'] and type in ('TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT') -%}{{ as_text(name) }}
    {%- elif column['prefixed'] -%}{{ trimmed_id(as_text(name)) }}
    {%- elif name == 'currency' -%}nullif(upper(trim({{ as_text(name) }})), '')
    {%- elif column['type'] == 'text' -%}{{ as_text(name) }}
    {%- else -%}try_cast({{ name }} as {{ column['type'] }}){%- endif -%}
{% endmacro %}

{# A column of an entity; `told` is what the staging model's own column stands for, where it has another name. #}
{% macro entity_expression(source, name, column, is_present, told=none) %}
    {%- set prefix = var('key_prefixes').get(source, {}).get(name, '') -%}
    {%- set value = text_literal(prefix) ~ ' || ' ~ (told or name) if prefix else told or plausible(name, column) -%}
    {%- if not is_present -%}cast(null as {{ dbt.type_string() if column['type'] == 'text' else column['type'] }})
    {%- elif column['need'] == 'key' and column['type'] == 'text' -%}
        coalesce({{ value }}, 'missing-' || {{ as_text('_batch_id') }} || '-' || {{ as_text('_row_number') }} || '-' || {{ as_text('_part') }})
    {%- else -%}{{ value }}{%- endif -%}
{% endmacro %}

{% macro require_columns(entity, relation, present) %}
    {% set service = ['_batch_id', '_file', '_row_number'] %}
    {% set needed = service + (entity_columns(entity) | rejectattr(2, 'equalto', 'optional') | map(attribute=0) | list) %}
    {% set missing = needed | reject('in', present) | list %}
    {% if missing %}
        {% do exceptions.raise_compiler_error(
            relation.identifier ~ ' lacks the required column(s) ' ~ missing | join(', ') ~ ' of the entity ' ~ entity
            ~ '. Found: ' ~ present | join(', ') ~ '. Map them in the company\'s staging/.') %}
    {% endif %}
{% endmacro %}

{% macro select_no_entity(entity) %}
        select
        {%- for name, type, need in entity_columns(entity) %}
            cast(null as {{ type }}) as {{ name }},
        {%- endfor %}
            {{ as_text('null') }} as _source,
            cast(null as bigint) as _batch_id,
            {{ as_text('null') }} as _file,
            cast(null as bigint) as _row_number,
            cast(null as bigint) as _part,
            cast(null as decimal(38, 6)) as _version,
            {{ as_text('null') }} as _reject_reason
        where false
{% endmacro %}

{# The raw tables of a source that its mapping to order lines reads beside the one whose rows the lines are. #}
{% macro tables_read_beside(source, relation) %}
    {% set others = [] %}
    {% if execute %}
        {% for node in graph.nodes.values() if node.resource_type == 'model' and node.name == relation.identifier %}
            {% for table in raw_tables_of(node) if var('table_entities').get(source, {}).get(table) != 'order_lines' %}
                {% do others.append(table) %}
            {% endfor %}
        {% endfor %}
    {% endif %}
    {{ return(others | unique | list) }}
{% endmacro %}

{# The raw tables that a model reads, by itself or by the models it reads. #}
{% macro raw_tables_of(node) %}
    {% set tables = [] %}
    {% for parent in node.depends_on.nodes %}
        {% if parent in graph.sources %}
            {% do tables.append(graph.sources[parent].name) %}
        {% elif parent in graph.nodes and graph.nodes[parent].resource_type == 'model' %}
            {% do tables.extend(raw_tables_of(graph.nodes[parent])) %}
        {% endif %}
    {% endfor %}
    {{ return(tables) }}
{% endmacro %}

{#
  Tables and views are replaced in one statement inside one transaction. dbt's own materializations build beside, rename
  twice and drop, which DuckDB does not need and which costs more than most of the models here; comments go in one call.

  Of what those of dbt-duckdb 1.11 do, this leaves out grants, indexes, foreign keys, constraints, sorting, partitions,
  SQL headers, Python models, and hooks outside the transaction. A model that asks for one of them fails with a message.
  To have them, delete this file: dbt's own materializations then build the same rows, and take longer.
#}
{% materialization table, adapter='duckdb', supported_languages=['sql'] %}
    {{ return(replace_relation('table')) }}
{% endmaterialization %}

{% materialization view, adapter='duckdb', supported_languages=['sql'] %}
    {{ return(replace_relation('view')) }}
{% endmaterialization %}

{% macro replace_relation(type) %}
    {{ refuse_what_is_left_out() }}
    {% set target_relation = this.incorporate(type=type) %}
    {% set existing = load_cached_relation(this) %}
    {{ run_hooks(pre_hooks) }}
    {% if config.get('contract').enforced %}{{ get_assert_columns_equivalent(sql) }}{% endif %}
    {% call statement('main') %}
        {% if existing is not none and existing.type != type %}drop {{ existing.type }} {{ existing }};{% endif %}
        create or replace {{ type }} {{ target_relation }} as (
            {{ sql }}
        )
    {% endcall %}
    {{ run_hooks(post_hooks) }}
    {% if config.persist_relation_docs() %}{% do comment_on(target_relation, type) %}{% endif %}
    {% do adapter.cache_added(target_relation) %}
    {{ adapter.commit() }}
    {{ return({'relations': [target_relation]}) }}
{% endmacro %}

{% macro comment_on(relation, type) %}
    {% call statement('comments') %}
        comment on {{ type }} {{ relation }} is {{ comment_text(model.description) }};
        {% for column in model.columns.values() %}
        comment on column {{ relation }}.{{ adapter.quote(column.name) }} is {{ comment_text(column.description) }};
        {% endfor %}
    {% endcall %}
{% endmacro %}

{% macro comment_text(text) %}{{ dbt.string_literal(dbt.escape_single_quotes(text)) }}{% endmacro %}

{% macro refuse_what_is_left_out() %}
    {% set asked = [] %}
    {% for name in ['grants', 'indexes', 'partitioned_by', 'sorted_by', 'sql_header'] %}
        {% if config.get(name) %}{% do asked.append(name) %}{% endif %}
    {% endfor %}
    {% if model.constraints or model.columns.values() | selectattr('constraints') | list %}
        {% do asked.append('constraints') %}
    {% endif %}
    {% if (pre_hooks + post_hooks) | rejectattr('transaction') | list %}
        {% do asked.append('hooks outside the transaction') %}
    {% endif %}
    {% if asked %}
        {% do exceptions.raise_compiler_error(
            model.name ~ ' asks for ' ~ asked | join(', ') ~ ', which dbt/macros/materializations.sql leaves out.'
        ) %}
    {% endif %}
{% endmacro %}

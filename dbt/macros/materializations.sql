{#
  Tables and views are replaced in one statement inside one transaction. dbt's own materializations build beside, rename
  twice and drop, which DuckDB does not need and which costs more than most of the models here; comments go in one call.
#}
{% materialization table, adapter='duckdb', supported_languages=['sql'] %}
    {{ return(replace_relation('table')) }}
{% endmaterialization %}

{% materialization view, adapter='duckdb', supported_languages=['sql'] %}
    {{ return(replace_relation('view')) }}
{% endmaterialization %}

{% macro replace_relation(type) %}
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
        comment on {{ type }} {{ relation }} is {{ duckdb_escape_comment(model.description) }};
        {% for column in model.columns.values() %}
        comment on column {{ relation }}.{{ adapter.quote(column.name) }} is {{ duckdb_escape_comment(column.description) }};
        {% endfor %}
    {% endcall %}
{% endmacro %}

{#
  One statement that holds a model to its grain and its rules: `key` is unique and not NULL, `not_null` columns have
  values, and each of `rules` (name: condition) is true or unknown on every row. A row it returns names the rule
  broken and the key of the row, with the values of the columns `shown`.
#}
{% test sound_rows(model, key, not_null=[], rules={}, shown=[]) %}
{% set key_text = "concat_ws(' | ', " ~ key | join(', ') ~ ")" %}
{% set shown_texts = [] %}
{% for column in shown %}
    {% do shown_texts.append("'" ~ (column | replace('_', ' ')) ~ " ' || coalesce(" ~ as_text(column) ~ ", 'none')") %}
{% endfor %}
{% set shown_text = " || ': ' || concat_ws(', ', " ~ shown_texts | join(', ') ~ ")" if shown else '' %}
select
    {{ text_literal('the key ' ~ key | join(', ') ~ ' is not unique') }} as rule,
    {{ key_text }} as row_key
from {{ model }}
group by {{ key | join(', ') }}
having count(*) > 1

union all

select
    case
    {%- for column in key + not_null %}
        when {{ column }} is null then {{ text_literal(column ~ ' is null') }}
    {%- endfor %}
    {%- for name, condition in rules.items() %}
        when not ({{ condition }}) then {{ text_literal(name | replace('_', ' ')) }}
    {%- endfor %}
    end as rule,
    {{ key_text }}{{ shown_text }} as row_key
from {{ model }}
where
    {{ (key + not_null) | join(' is null or ') }} is null
    {%- for name, condition in rules.items() %}
    or not ({{ condition }})
    {%- endfor %}
{% endtest %}

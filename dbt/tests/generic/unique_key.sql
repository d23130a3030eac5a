{#
  The declared key of a model: unique, and without NULL but in the columns that are `nullable`. Proven by the test suite
  on a built company and by whoever changes the model, not at every run: the tag `suite` keeps it out of the checks.
#}
{% test unique_key(model, columns, nullable=[]) %}
{{ config(tags=['suite']) }}
select {{ columns | join(', ') }}, count(*) as rows_count
from {{ model }}
group by {{ columns | join(', ') }}
having
    count(*) > 1
    {%- for column in columns if column not in nullable %}
    or {{ column }} is null
    {%- endfor %}
{% endtest %}

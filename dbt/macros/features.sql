{# The pace of the last 30 days beside that of 180, both per observed day; NULL where there is none. #}
{% macro pace_ratio(recent, longer) -%}
    (purchases.{{ recent }} / least(30, purchases.observed_days))
        / nullif(purchases.{{ longer }} / least(180, purchases.observed_days), 0)
{%- endmacro %}

{#
  The sample standard deviation of whole numbers, from exact sums: unlike a running one it does not depend on the order
  in which rows come, to the last digit. NULL for fewer than two.
#}
{% macro exact_deviation(value) -%}
    sqrt(cast(count({{ value }}) * sum({{ value }} * {{ value }}) - sum({{ value }}) * sum({{ value }}) as double)
        / nullif(count({{ value }}) * (count({{ value }}) - 1), 0))
{%- endmacro %}

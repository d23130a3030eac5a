{# The pace of the last 30 days beside that of 180, both per observed day; NULL where there is none. #}
{% macro pace_ratio(recent, longer) -%}
    (purchases.{{ recent }} / least(30, purchases.observed_days))
        / nullif(purchases.{{ longer }} / least(180, purchases.observed_days), 0)
{%- endmacro %}

{#
  A sum over a count, two decimals, half away from zero, exactly: both are whole numbers of ten-thousandths, so that
  0.57 over 2 is 0.29 and not what a binary fraction makes of 0.285. NULL where there is nothing to divide by.
#}
{% macro exact_average(total, number) -%}
    cast(
        sign({{ total }}) * floor(
            cast(abs(cast({{ total }} as decimal(38, 4))) * 20000 + 100 * {{ number }} as bigint) / nullif(200 * {{ number }}, 0)
        ) * 0.01
        as decimal(18, 2)
    )
{%- endmacro %}

{#
  The two units in which a cohort's age is told, for use beside `run_dates`: calendar months since the cohort's, and
  whole 30 days since the customer's own first order. For each [name, period of a day, last period entered, last
  period that is complete]; a period is complete when its last day is.
#}
{% macro period_units(day='order_date') %}
    {{ return([
        [
            'month',
            months_between(day, 'cohort_month'),
            months_between('run_dates.as_of_date', 'cohort_month'),
            months_between(add_days('run_dates.data_through', 1), 'cohort_month') ~ ' - 1',
        ],
        [
            'age_30d',
            whole_division(days_between(day, 'first_order_date'), '30'),
            whole_division(days_between('run_dates.as_of_date', 'first_order_date'), '30'),
            whole_division(days_between(add_days('run_dates.data_through', 1), 'first_order_date'), '30') ~ ' - 1',
        ],
    ]) }}
{% endmacro %}

{# The ages in days at which customers are compared. #}
{% macro customer_ages() %}
    {{ return([30, 60, 90, 180, 365]) }}
{% endmacro %}

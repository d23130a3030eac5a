select
    as_of_date,
    model_run_id,
    customer_id,
    list,
    rank,
    product_id,
    score
from {{ source('ml', 'recommendations') }}

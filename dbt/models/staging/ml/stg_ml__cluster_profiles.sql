select
    as_of_date,
    model_run_id,
    cluster_id,
    cluster_name,
    customers_count,
    share_rate,
    feature,
    mean,
    median,
    population_median
from {{ source('ml', 'cluster_profiles') }}

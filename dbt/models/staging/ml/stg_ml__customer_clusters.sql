select
    as_of_date,
    model_run_id,
    customer_id,
    cluster_id,
    cluster_name,
    distance,
    is_outlier
from {{ source('ml', 'customer_clusters') }}

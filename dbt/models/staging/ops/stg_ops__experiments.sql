select
    campaign_id,
    treatment_share,
    start_date,
    end_date,
    holdout_salt,
    holdout_share
from {{ source('ops', 'experiments') }}

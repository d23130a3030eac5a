with campaigns as (

    select * from {{ source('raw_complete_journey', 'campaigns') }}

),

renamed as (

    select
        campaign_id,
        household_id as customer_id,
        'treatment' as arm,
        _batch_id,
        _file,
        _row_number
    from campaigns

)

select * from renamed

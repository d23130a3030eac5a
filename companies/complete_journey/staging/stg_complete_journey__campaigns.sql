with campaign_descriptions as (

    select * from {{ source('raw_complete_journey', 'campaign_descriptions') }}

),

renamed as (

    select
        campaign_id,
        'Campaign ' || {{ as_text('campaign_id') }} as campaign_name,
        campaign_type,
        cast(start_date as date) as start_date,
        cast(end_date as date) as end_date,
        false as is_randomized,
        _batch_id,
        _file,
        _row_number
    from campaign_descriptions

)

select * from renamed

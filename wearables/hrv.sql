-- Time-domain heart rate variability by series. Input: nn (series, n, ms): normal-to-normal intervals in their order;
-- is_joined false where an interval does not follow the one before (an artefact was taken out between them).
--
-- Task Force of the ESC and NASPE, Circulation 1996;93:1043. SD1, SD2: Brennan et al., IEEE Trans Biomed Eng 2001;48:1342.
-- sdsd_ms is the SD of successive differences; sd_absolute_difference_ms that of their sizes, which pyHRV and HeartPy
-- print under the name SDSD.
with
    ordered as (
        select
            series,
            n,
            ms,
            60000.0 / ms as bpm,
            case when is_joined then ms - lag(ms) over (partition by series order by n) end as difference,
            sum(ms) over (partition by series order by n rows unbounded preceding) as elapsed_ms
        from nn
        where ms > 0
    ),

    -- whole segments of five minutes
    segment as (
        select
            series,
            floor(elapsed_ms / 300000)::bigint as segment_no,
            avg(ms) as mean_ms,
            stddev_samp(ms) as sd_ms
        from ordered
        group by series, segment_no
    ),

    segments as (
        select series, stddev_samp(mean_ms) as sdann_ms, avg(sd_ms) as sdnn_index_ms from segment
        -- the last one is not whole
        where
            (series, segment_no) not in (
                select (series, max(segment_no)) from segment group by series
            )
        group by series
    ),

    final as (
        select
            series,
            count(*) as n,
            sum(ms) / 60000.0 as minutes,
            avg(ms) as mean_nn_ms,
            min(ms) as min_nn_ms,
            max(ms) as max_nn_ms,
            avg(bpm) as mean_hr_bpm,
            min(bpm) as min_hr_bpm,
            max(bpm) as max_hr_bpm,
            stddev_samp(bpm) as sd_hr_bpm,
            stddev_samp(ms) as sdnn_ms,
            sqrt(avg(difference * difference)) as rmssd_ms,
            stddev_samp(difference) as sdsd_ms,
            avg(abs(difference)) as mean_absolute_difference_ms,
            stddev_samp(abs(difference)) as sd_absolute_difference_ms,
            count(*) filter (abs(difference) > 50) as nn50,
            100.0 * count(*) filter (abs(difference) > 50) / count(difference) as pnn50_percent,
            count(*) filter (abs(difference) > 20) as nn20,
            100.0 * count(*) filter (abs(difference) > 20) / count(difference) as pnn20_percent
        from ordered
        group by series
    )

select
    final.*,
    sqrt(0.5) * sdsd_ms as sd1_ms,
    sqrt(greatest(2 * pow(sdnn_ms, 2) - 0.5 * pow(sdsd_ms, 2), 0)) as sd2_ms,
    sdann_ms,
    sdnn_index_ms
from final
left join segments using (series)
order by series

-- A run that found the tenant locked is available again in a moment.
select exists (
    select from {queue}.river_job
    where kind = 'run' and queue = $1 and state in ('available', 'running') and args ->> 'tenant' = $2
)

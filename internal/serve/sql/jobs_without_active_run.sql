-- Runs that the queue counts as running in process $1, other than those in $2.
select id from {queue}.river_job
where state = 'running' and kind = 'run' and attempted_by[array_upper(attempted_by, 1)] = $1 and not id = any($2)

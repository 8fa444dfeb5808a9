select id from {queue}.river_job
where state = 'running' and kind = 'tenant' and attempted_by[array_upper(attempted_by, 1)] = $1 and not id = any($2)

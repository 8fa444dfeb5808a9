update syncer.turns set busy = false, since = clock_timestamp() where tenant_id = $1

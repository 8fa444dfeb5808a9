-- Whether the run has read an item of {{.Stage}} more than once.
select exists (
    select from {{.Stage}} where tenant_id = $1 group by {{.Keys}} having count(*) > 1
)

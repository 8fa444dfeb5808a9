-- Elements belong to the reading of their item.
delete from {{.Stage}} n
where n.tenant_id = $1 and not exists (
    select from {{.RootStage}} r where r.tenant_id = $1 and {{.RootMatch "n" "r"}} and n.stage_seq = r.stage_seq
)

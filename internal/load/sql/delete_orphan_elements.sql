-- Elements belong to the reading of their item.
delete from {{.Stage}} n
where not exists (
    select from {{.RootStage}} r where {{.RootMatch "n" "r"}} and n.stage_seq = r.stage_seq
)

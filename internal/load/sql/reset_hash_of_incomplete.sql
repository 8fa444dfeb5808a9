-- An item some of whose elements are held back counts as changed next time.
update {{.RootStage}} r
set item_hash = '\x00'
where exists (
    select from {{.Stage}} s
    where {{.RootMatch "s" "r"}} and not exists (
        select from {{.Target}} t where t.tenant_id = s.tenant_id and t.id = s.{{.Column}}
    )
)

-- An item some of whose elements are withheld counts as changed next time: of its
-- hash only the tag of its shape stays.
update {{.RootStage}} r
set item_hash = substr(r.item_hash, 1, {{.TagSize}})
where r.tenant_id = $1 and exists (
    select from {{.Stage}} s
    where s.tenant_id = $1 and {{.RootMatch "s" "r"}} and not exists (
        select from {{.Target}} t where t.tenant_id = $1 and t.id = s.{{.Column}}{{.OptimizationFence}}
    )
)

-- A row that points at nothing the mirror has cannot be published.
delete from {{.Stage}} s
where s.tenant_id = $1 and s.{{.Column}} is not null and not exists (
    select from {{.Target}} t where t.tenant_id = $1 and t.id = s.{{.Column}}{{.OptimizationFence}}
)

-- Rows that leave the mirror, into its history where it keeps one ($4).
with leaving as (
    delete from {{.Mirror}} m
    where m.tenant_id = $1 and {{.DeleteWhere}}
    returning m.*
), kept as (
    insert into {{.History}} ({{.Columns ""}}, valid_from, valid_to)
    select {{.Columns "l."}}, l.valid_from, $2::timestamptz
    from leaving l
    where $4
)
select l.{{.RowIDColumn}} from leaving l

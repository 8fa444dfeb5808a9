-- $1: tenant; $2: tables, $3 their listings, $4 whether they are proved by this
-- publication, $5 whether their history is kept; $6: moment of the publication;
-- $7: history ends before this moment, null: none was pruned.
with published as (
    select * from unnest($2::text[], $3::text[], $4::boolean[], $5::boolean[]) p (table_name, listing, is_proved, has_history)
), known as (
    update syncer.mirrored_tables m
    set history_since = case when p.has_history then coalesce(m.history_since, $6) end
    from published p
    where m.tenant_id = $1 and m.table_name = p.table_name and (m.history_since is not null) <> p.has_history
), pruned as (
    update syncer.mirrored_tables m
    set history_since = $7
    where m.tenant_id = $1 and m.history_since < $7
        and not exists (select from published p where p.table_name = m.table_name and not p.has_history)
)
insert into syncer.mirrored_tables (tenant_id, table_name, listing, first_proved_at, history_since)
select $1, p.table_name, p.listing, $6, case when p.has_history then $6 end
from published p
where p.is_proved
on conflict do nothing

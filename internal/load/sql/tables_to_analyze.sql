-- Tables of which this transaction has changed so much that the planner's
-- statistics no longer tell what is in them: by the rule of autovacuum, which
-- would find out minutes later, or a good part of what the tenant has there
-- where it had nothing ($1). Citus changes rows on its workers, whose counts the
-- coordinator has not: there, all tables where the tenant had nothing.
select format('%I.%I', s.schemaname, s.relname)
from pg_stat_xact_user_tables s
join pg_class c on c.oid = s.relid
where s.schemaname in ('logto', 'logto_history')
    and (s.n_tup_ins + s.n_tup_upd + s.n_tup_del >= 50 + case when s.relname = any($1) then 0 else 0.1 * greatest(c.reltuples, 0) end
        or s.schemaname = 'logto' and s.relname = any($1) and exists (select from pg_extension where extname = 'citus'))
order by 1

-- What a column means: as the column of a relation ($1, $2) that it is, else, if it
-- has the name ($3) of one that a function among $4 returns, as all columns of this
-- name in schema report do.
select coalesce(col_description($1::oid, $2::integer), (
    select min(col_description(c.oid, a.attnum))
    from pg_attribute a
    join pg_class c on c.oid = a.attrelid
    where c.relnamespace = 'report'::regnamespace and c.relkind = 'v' and a.attname = $3 and a.attnum > 0
        and exists (
            select from pg_proc p
            cross join unnest(p.proargnames, p.proargmodes) returned (name, mode)
            where p.pronamespace = 'report'::regnamespace and p.proname = any ($4) and returned.name = $3 and returned.mode = 't')
    having count(distinct col_description(c.oid, a.attnum)) = 1), '')

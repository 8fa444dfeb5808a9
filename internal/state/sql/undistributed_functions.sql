-- Functions that queries call on the workers and that the workers do not have, because
-- the extension was created after them.
select f.oid::regprocedure::text
from pg_proc f
where f.oid = to_regprocedure('report.set_word_similarity(text)')
    and not exists (select from pg_dist_object o where o.classid = 'pg_proc'::regclass and o.objid = f.oid)

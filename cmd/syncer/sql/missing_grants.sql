-- The statements with which an owner gives the current role what it lacks to make and
-- fill the schemas of the mirror, one a row.
select format('grant create on database %I to %I;', current_database(), current_user)
where not has_database_privilege(current_database(), 'create')
	and (select count(*) from pg_namespace where nspname in ('logto', 'logto_history', 'report', 'syncer', 'syncer_stage')) < 5
union all
select format('grant usage, create on schema %I to %I;', nspname, current_user)
from pg_namespace
where nspname in ('logto', 'logto_history', 'report', 'syncer', 'syncer_stage')
	and not (has_schema_privilege(oid, 'usage') and has_schema_privilege(oid, 'create'))
union all
select format('alter table %I.%I owner to %I;', schemaname, tablename, current_user)
from pg_tables
where schemaname in ('logto', 'logto_history', 'syncer') and not pg_has_role(tableowner, 'usage');

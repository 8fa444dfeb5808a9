-- +goose Up
-- One table in logto_history for each table in logto: the same columns and comments
-- without item_hash and foreign keys, with valid_to, and with valid_from in the key.
-- +goose StatementBegin
do $$
declare
    mirrored record;
    key_columns text;
begin
    for mirrored in select c.oid, c.relname from pg_class c where c.relnamespace = 'logto'::regnamespace and c.relkind = 'r' order by c.relname
    loop
        select string_agg(quote_ident(a.attname), ', ' order by k.place)
        into key_columns
        from pg_index i
        cross join unnest(i.indkey) with ordinality as k (attnum, place)
        join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
        where i.indrelid = mirrored.oid and i.indisprimary;
        execute format('create table logto_history.%I (like logto.%I including comments)', mirrored.relname, mirrored.relname);
        execute format('alter table logto_history.%I drop column if exists item_hash, add column valid_to timestamptz not null', mirrored.relname);
        execute format('alter table logto_history.%I add primary key (%s, valid_from)', mirrored.relname, key_columns);
        execute format('comment on table logto_history.%I is %L', mirrored.relname,
            'Versions of logto.' || mirrored.relname || ' that were replaced or deleted, each valid from valid_from until before valid_to.');
        execute format('comment on column logto_history.%I.valid_to is %L', mirrored.relname,
            'When the run that replaced or deleted this version was published.');
    end loop;
end
$$;
-- +goose StatementEnd

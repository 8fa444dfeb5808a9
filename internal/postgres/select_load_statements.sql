-- A statement for each library that functions of the database need.
select distinct format('load %L', probin) from pg_proc where probin is not null

-- Values are printed as the program reads them. A report about a whole tenant sorts
-- and hashes millions of rows: with 4 MB, the default, they go through files.
set local timezone = 'UTC';
set local datestyle = 'ISO';
set local intervalstyle = 'postgres';
set local client_min_messages = 'error';
select set_config('work_mem', greatest(pg_size_bytes(current_setting('work_mem')) / 1024, 64 * 1024)::text, true);

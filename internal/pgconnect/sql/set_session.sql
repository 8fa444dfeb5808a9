-- What every session of the program relies on. What the role, the database or
-- the server is set to must decide neither whether a run ends nor what it stores.
select set_config(name, value, false)
from (values
    -- A run may take long and may wait long. It has bounds of its own.
    ('statement_timeout', '0'),
    ('lock_timeout', '0'),
    ('transaction_timeout', '0'),
    ('idle_in_transaction_session_timeout', '0'),
    ('idle_session_timeout', '0'),
    -- What is written and how it is read.
    ('client_encoding', 'UTF8'),
    ('standard_conforming_strings', 'on'),
    ('transform_null_equals', 'off'),
    ('search_path', '"$user", public'),
    ('timezone', 'UTC'),
    ('datestyle', 'ISO, YMD'),
    ('intervalstyle', 'postgres'),
    ('extra_float_digits', '1'),
    ('bytea_output', 'hex'),
    -- Transactions name what they need beyond this.
    ('default_transaction_isolation', 'read committed'),
    ('default_transaction_read_only', 'off'),
    ('default_transaction_deferrable', 'off'),
    -- Statements over one tenant are too short for compilation to pay.
    ('jit', 'off'),
    ('work_mem', greatest(pg_size_bytes(current_setting('work_mem')), 4 * 1024 * 1024) / 1024 || 'kB'),
    -- Statistics on (tenant, id) keys need no less than the default.
    ('default_statistics_target', greatest(current_setting('default_statistics_target')::int, 100)::text)
) needed (name, value)
where current_setting(name, true) is distinct from value
    and current_setting(name, true) is not null -- a setting this version has

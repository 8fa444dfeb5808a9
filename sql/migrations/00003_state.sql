-- +goose Up
-- The state of syncer: which tenants it mirrors, its runs, their checkpoints and
-- certificates. The schemas and the table syncer.migrations exist already: they are
-- created before the first migration.
comment on table syncer.migrations is 'Migrations that were applied to this database. Maintained by goose.';
comment on column syncer.migrations.id is 'Sequence number.';
comment on column syncer.migrations.version_id is 'Number at the start of the migration''s file name; 0: this table was created.';
comment on column syncer.migrations.is_applied is 'True: the migration was applied.';
comment on column syncer.migrations.tstamp is 'When it was applied, in the time zone of that session.';

create table syncer.tenants (
    tenant_id text collate "C" primary key,
    endpoint text not null,
    privacy_rules jsonb not null default '{}',
    privacy_run_ids jsonb not null default '{}',
    last_request_at timestamptz,
    response_header_limit integer check (response_header_limit > 0),
    ids_per_request integer check (ids_per_request > 0),
    request_limit_status integer,
    request_limit_found_at timestamptz,
    first_seen_at timestamptz not null default now()
);
comment on table syncer.tenants is 'Tenants that have been mirrored into this database.';
comment on column syncer.tenants.tenant_id is 'Name of the tenant in jobs.yaml.';
comment on column syncer.tenants.endpoint is 'Endpoint it was last read from.';
comment on column syncer.tenants.privacy_rules is 'Privacy rules its stored rows follow: object, table to rules. The key that values are hashed with is not stored.';
comment on column syncer.tenants.first_seen_at is 'When its first run started.';
comment on column syncer.tenants.privacy_run_ids is 'Object, table to the run that applied its privacy rules to the stored rows.';
comment on column syncer.tenants.last_request_at is 'When the holder of the tenants lock last sent it a request. Infinity: a process is sending requests, or died while it did. Null: no request is known.';
comment on column syncer.tenants.response_header_limit is 'Largest response header, in bytes, that a proxy before the tenant lets through. Logto repeats the query in it, so it limits how many ids a request names. Null: no limit is known.';
comment on column syncer.tenants.ids_per_request is 'How many ids the request named that the proxy let through when the limit was found.';
comment on column syncer.tenants.request_limit_status is 'HTTP status that the proxy answered to a larger request.';
comment on column syncer.tenants.request_limit_found_at is 'When the limit was found. It is looked for again after 30 days.';

create table syncer.runs (
    run_id bigint generated always as identity primary key,
    tenant_id text collate "C" not null references syncer.tenants,
    job text not null,
    listings text[] not null,
    endpoint text not null,
    page_size integer not null,
    program_version text not null,
    columns_hash text not null,
    mode text not null check (mode in ('run', 'backfill', 'changes')),
    status text not null check (status in ('running', 'stopped', 'succeeded', 'unproved', 'refused', 'failed', 'abandoned')),
    attempt integer not null default 1 check (attempt > 0),
    owner uuid not null,
    started_at timestamptz not null default now(),
    attempted_at timestamptz not null default now(),
    finished_at timestamptz,
    published_at timestamptz,
    requests bigint not null default 0,
    retries bigint not null default 0,
    throttled bigint not null default 0,
    seconds double precision not null default 0,
    error text,
    check ((status = 'running') = (finished_at is null)),
    check (published_at is not null or status not in ('succeeded', 'unproved'))
);
create index on syncer.runs (tenant_id, run_id);
-- Runs that read changes are hundreds a day: without them the last proofs are found at once.
create index on syncer.runs (tenant_id, run_id) where mode <> 'changes';
comment on table syncer.runs is 'Runs: a run reads listings of one tenant and publishes them in one transaction.';
comment on column syncer.runs.run_id is 'Number of the run.';
comment on column syncer.runs.tenant_id is 'Tenant that the run reads.';
comment on column syncer.runs.job is 'Job in jobs.yaml that the run belongs to; empty: none.';
comment on column syncer.runs.listings is 'Listings to read. A run is resumed only with the same listings.';
comment on column syncer.runs.endpoint is 'Endpoint it reads. A run is resumed only at the same endpoint.';
comment on column syncer.runs.page_size is 'Rows of a page. A run is resumed only with the same page size.';
comment on column syncer.runs.program_version is 'Version of syncer that reads it, which decides what its checkpoints mean. A run is resumed only by the same version.';
comment on column syncer.runs.columns_hash is 'Hash of the columns and privacy rules it stores rows with. A run is resumed only if they have not changed.';
comment on column syncer.runs.mode is 'run: uses what the mirror knows. backfill: reads everything as if for the first time. changes: reads what changed since the last run, and proves nothing.';
comment on column syncer.runs.status is 'running; stopped (interrupted, can be resumed); succeeded (published, everything proved; of a run of changes: published); unproved (published, not everything proved); refused (by the deletion guard, nothing published); failed (can be resumed); abandoned (replaced by a newer run).';
comment on column syncer.runs.attempt is 'Number of attempts: 1, plus 1 each time the run was resumed.';
comment on column syncer.runs.owner is 'Token of the attempt that may write to the run and publish it. A new attempt has a new one.';
comment on column syncer.runs.started_at is 'When the first attempt started.';
comment on column syncer.runs.attempted_at is 'When the last attempt started.';
comment on column syncer.runs.finished_at is 'When the last attempt ended. Null: it is running, or its process died.';
comment on column syncer.runs.published_at is 'When the run was published. Null: it was not.';
comment on column syncer.runs.requests is 'HTTP requests of all attempts, including retries and token requests.';
comment on column syncer.runs.retries is 'Requests that repeated a failed request.';
comment on column syncer.runs.throttled is 'Responses that asked to slow down (429 or 503).';
comment on column syncer.runs.seconds is 'Duration of all attempts, in seconds.';
comment on column syncer.runs.error is 'Why the run failed or was refused. Null: it did not fail.';

create table syncer.run_waits (
    tenant_id text collate "C" primary key,
    run_id bigint not null,
    owner uuid not null,
    reason text not null,
    since timestamptz not null
);
comment on table syncer.run_waits is 'What runs under way are waiting for. A row counts while run_id and owner are those of a running run.';
comment on column syncer.run_waits.tenant_id is 'Tenant the run reads.';
comment on column syncer.run_waits.run_id is 'The run.';
comment on column syncer.run_waits.owner is 'Process that wrote the row; see syncer.runs.';
comment on column syncer.run_waits.reason is 'What it is waiting for, such as a server that does not answer, or a lock that somebody holds.';
comment on column syncer.run_waits.since is 'Since when it has been waiting.';

create table syncer.certificates (
    run_id bigint not null references syncer.runs on delete cascade,
    tenant_id text collate "C" not null,
    listing text not null,
    walk text not null,
    parents bigint not null,
    total bigint,
    distinct_ids bigint not null,
    requests bigint not null,
    inserted bigint not null,
    updated bigint not null,
    deleted bigint not null,
    unchanged bigint not null,
    proof text not null check (proof in ('complete', 'not proved', 'failed', 'unknown to server')),
    reason text,
    notes jsonb,
    read_at timestamptz not null,
    primary key (run_id, listing)
);
create index on syncer.certificates (tenant_id, listing, run_id);
comment on table syncer.certificates is 'What a published run proved, one row a listing. Written last, in the transaction that publishes the run.';
comment on column syncer.certificates.run_id is 'The run.';
comment on column syncer.certificates.tenant_id is 'The tenant.';
comment on column syncer.certificates.listing is 'The listing; its root table has the same name.';
comment on column syncer.certificates.walk is 'How the listing was read: whole, pages, split, refresh or window.';
comment on column syncer.certificates.parents is 'Number of parents it was read for; 1 for a listing without parents.';
comment on column syncer.certificates.total is 'Total-Number of the server, summed over the parents. Null: the list came in one response without a count.';
comment on column syncer.certificates.distinct_ids is 'Distinct items read.';
comment on column syncer.certificates.requests is 'Pages requested, without retries.';
comment on column syncer.certificates.inserted is 'Rows added to the root table.';
comment on column syncer.certificates.updated is 'Rows of the root table that were replaced.';
comment on column syncer.certificates.deleted is 'Rows deleted from the root table.';
comment on column syncer.certificates.unchanged is 'Rows of the root table that did not change.';
comment on column syncer.certificates.proof is 'complete: the table equals the listing. not proved: read, but completeness was not shown; nothing was deleted. failed: could not be read; the table did not change. unknown to server: this version of Logto does not have the listing.';
comment on column syncer.certificates.reason is 'Why the proof is not complete. Null: it is complete.';
comment on column syncer.certificates.notes is 'Findings that do not change the proof, such as values that could not be stored as received and rows that the server could not send. Null: none.';
comment on column syncer.certificates.read_at is 'When reading the listing ended.';

create table syncer.windows (
    tenant_id text collate "C" not null references syncer.tenants,
    listing text not null,
    proved_until timestamptz not null,
    primary key (tenant_id, listing)
);
comment on table syncer.windows is 'Up to when listings that are only added to, such as logs, are proved. The next run reads them from there.';
comment on column syncer.windows.tenant_id is 'The tenant.';
comment on column syncer.windows.listing is 'The listing.';
comment on column syncer.windows.proved_until is 'Everything that was created up to this moment, by the clock of Logto, is in the mirror.';

create table syncer.checkpoints (
    run_id bigint not null references syncer.runs on delete cascade,
    listing text not null,
    sequence bigint not null,
    chunks jsonb not null,
    written_at timestamptz not null default clock_timestamp(),
    primary key (run_id, listing, sequence)
);
comment on table syncer.checkpoints is 'Chunks a run has read, committed together with their rows. Deleted when the run is published or abandoned.';
comment on column syncer.checkpoints.run_id is 'The run.';
comment on column syncer.checkpoints.listing is 'The listing.';
comment on column syncer.checkpoints.sequence is 'Number of the transaction that wrote the row, ascending and unique, so that a transaction whose answer was lost is not repeated.';
comment on column syncer.checkpoints.chunks is 'Checkpoints: an array with one element for each chunk that is done, and what a resumed walk needs to know about it.';
comment on column syncer.checkpoints.written_at is 'When it was written.';

create table syncer.row_shapes (
    listing text not null,
    tag bytea not null,
    shape jsonb not null,
    first_seen_at timestamptz not null default now(),
    primary key (listing, tag)
);
comment on table syncer.row_shapes is 'How rows of the mirror have been stored: which columns there were, what filled them, and under which privacy rules. A row of another shape than its reading is compared only in what both have.';
comment on column syncer.row_shapes.listing is 'The listing.';
comment on column syncer.row_shapes.tag is 'The first bytes of item_hash of the items stored so.';
comment on column syncer.row_shapes.shape is 'By table: where its columns take their values from, their privacy rules without the key, and the fields that do not go to extra.';
comment on column syncer.row_shapes.first_seen_at is 'When a run first stored rows so.';

create table syncer.listings (
    listing text primary key,
    is_optional boolean not null,
    table_names text[] not null
);
insert into syncer.listings (listing, is_optional, table_names) values
    ('users', false, '{users,user_identities}'),
    ('organizations', false, '{organizations}'),
    ('applications', false, '{applications}'),
    ('resources', false, '{resources,scopes}'),
    ('roles', false, '{roles}'),
    ('organization_scopes', false, '{organization_scopes}'),
    ('organization_roles', false, '{organization_roles,organization_role_scopes,organization_role_resource_scopes}'),
    ('sso_connectors', false, '{sso_connectors}'),
    ('hooks', false, '{hooks}'),
    ('custom_profile_fields', false, '{custom_profile_fields}'),
    ('role_scopes', false, '{role_scopes}'),
    ('user_roles', false, '{user_roles}'),
    ('application_roles', false, '{application_roles}'),
    ('organization_users', false, '{organization_users,organization_user_roles}'),
    ('organization_applications', false, '{organization_applications,organization_application_roles}'),
    ('organization_invitations', false, '{organization_invitations,organization_invitation_roles}'),
    ('organization_jit_email_domains', true, '{organization_jit_email_domains}'),
    ('organization_jit_roles', true, '{organization_jit_roles}'),
    ('organization_jit_sso_connectors', true, '{organization_jit_sso_connectors}'),
    ('user_sso_identities', true, '{user_sso_identities}'),
    ('user_mfa_verifications', true, '{user_mfa_verifications}'),
    ('personal_access_tokens', true, '{personal_access_tokens}'),
    ('logs', true, '{logs}');
comment on table syncer.listings is 'Listings that this version can mirror: the catalog, for questions to know what is not mirrored.';
comment on column syncer.listings.listing is 'Name of the listing, as in jobs.yaml.';
comment on column syncer.listings.is_optional is 'True: mirrored only where jobs.yaml names it.';
comment on column syncer.listings.table_names is 'Tables of schema logto that it fills, the root table first.';

create table syncer.mirrored_tables (
    tenant_id text collate "C" not null references syncer.tenants,
    table_name text not null,
    listing text not null references syncer.listings,
    first_proved_at timestamptz not null,
    history_since timestamptz,
    primary key (tenant_id, table_name)
);
comment on table syncer.mirrored_tables is 'Tables whose content is known: those that a published run has proved complete at least once. Written in the transaction that publishes.';
comment on column syncer.mirrored_tables.tenant_id is 'The tenant.';
comment on column syncer.mirrored_tables.table_name is 'The table, in schema logto.';
comment on column syncer.mirrored_tables.listing is 'The listing that fills it.';
comment on column syncer.mirrored_tables.first_proved_at is 'When the first run that proved it complete was published. Before, a missing row says nothing.';
comment on column syncer.mirrored_tables.history_since is 'Since when every version that was replaced or deleted is in schema logto_history. Null: no history of the table is kept.';

create table syncer.followed (
    tenant_id text collate "C" not null references syncer.tenants,
    listing text not null references syncer.listings,
    followed_until timestamptz not null,
    sources text[] not null,
    gap text,
    gap_heals boolean not null default false,
    run_id bigint not null,
    primary key (tenant_id, listing)
);
comment on table syncer.followed is 'Up to when listings are followed between two proofs. A row says that what its sources told until then is in the mirror, not that nothing else changed. Written in the transaction that publishes.';
comment on column syncer.followed.tenant_id is 'The tenant.';
comment on column syncer.followed.listing is 'The listing.';
comment on column syncer.followed.followed_until is 'Changes that the sources told of up to this moment, by the clock of Logto, are in the mirror.';
comment on column syncer.followed.sources is 'What tells of changes: hook events, audit log, newest users, count, whole list.';
comment on column syncer.followed.gap is 'Why it is not followed further. Null: nothing is in the way.';
comment on column syncer.followed.gap_heals is 'True: a later run of changes may close the gap. False: the next proof closes it.';
comment on column syncer.followed.run_id is 'The run that wrote the row.';

create table syncer.feed_positions (
    tenant_id text collate "C" not null references syncer.tenants,
    source text not null,
    read_until timestamptz not null,
    recent_ids text[] not null default '{}',
    events text[] not null default '{}',
    run_id bigint not null,
    primary key (tenant_id, source)
);
comment on table syncer.feed_positions is 'How far what tells of changes has been read. Written in the transaction that publishes, so that it is never ahead of the mirror.';
comment on column syncer.feed_positions.tenant_id is 'The tenant.';
comment on column syncer.feed_positions.source is 'hook:ID (deliveries of a webhook), logs (the audit log) or list:LISTING (a list that is read whole, or counted).';
comment on column syncer.feed_positions.read_until is 'Up to when it has been read, by the clock of Logto.';
comment on column syncer.feed_positions.recent_ids is 'Ids of log entries shortly before read_until that have been read. The next run reads a little before it again, and skips these.';
comment on column syncer.feed_positions.events is 'Events that the webhook has been delivering since the last proof.';
comment on column syncer.feed_positions.run_id is 'The run that wrote the row.';

create table syncer.erasures (
    erasure_id bigint generated always as identity primary key,
    tenant_id text collate "C" not null,
    salt bytea not null,
    user_hashes bytea[] not null,
    people integer not null,
    erased_rows jsonb not null,
    erased_at timestamptz not null default now(),
    erased_by text not null default session_user
);
-- An erased person must be in no table, not even by id; yet of an id that somebody has,
-- it must be possible to say whether it was erased. So there is a hash of each id. The
-- salt is the erasure's own: no list of hashes made elsewhere fits, one person erased
-- twice or in two tenants has two hashes, and trying all ids that Logto could give
-- (36^12) has to be done for each erasure anew. An id that can be guessed can be
-- asked for, with any design that answers the question.
comment on table syncer.erasures is 'Erasures by syncer forget: that people were erased, when, by whom, how many rows. Whether one of them had a given id, report.erasures_of says; ids are not kept.';
comment on column syncer.erasures.erasure_id is 'Number of the erasure.';
comment on column syncer.erasures.tenant_id is 'The tenant.';
comment on column syncer.erasures.salt is 'Random bytes that the hashes are made with.';
comment on column syncer.erasures.user_hashes is 'Hashes of the Logto ids of the users, see report.erasure_hash; empty: only invitations sent to an address.';
comment on column syncer.erasures.people is 'How many people were named.';
comment on column syncer.erasures.erased_rows is 'Object, table to the number of rows erased.';
comment on column syncer.erasures.erased_at is 'When.';
comment on column syncer.erasures.erased_by is 'Role of the database that erased.';

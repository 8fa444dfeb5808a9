-- +goose Up
-- What outlives a run.
-- The schema and its table migrations are there already: they are goose's, which
-- creates them before the first migration.
comment on schema syncer is 'How syncer keeps the mirror: runs, what they proved, where they were.';
comment on table syncer.migrations is 'Migrations that ran, one row each. Kept by goose.';
comment on column syncer.migrations.id is 'Sequence number.';
comment on column syncer.migrations.version_id is 'Number the name of the migration''s file begins with; 0: the table was created.';
comment on column syncer.migrations.is_applied is 'True: the migration ran.';
comment on column syncer.migrations.tstamp is 'When it ran, in the time zone of the session that ran it.';
create schema syncer_stage;
comment on schema syncer_stage is 'Rows a run has read and not yet published: tables named run_<run>_<table>, dropped when the run is published or given up.';

create table syncer.tenants (
    tenant_id text collate "C" primary key,
    endpoint text not null,
    privacy jsonb not null default '{}',
    first_seen_at timestamptz not null default now(),
    privacy_since jsonb not null default '{}',
    asked_at timestamptz
);
comment on table syncer.tenants is 'Tenants ever mirrored here.';
comment on column syncer.tenants.tenant_id is 'Name of the tenant in jobs.yaml.';
comment on column syncer.tenants.endpoint is 'Endpoint it was last read from.';
comment on column syncer.tenants.privacy is 'Privacy rules its rows are stored by, by table; the key of hashes is not among them.';
comment on column syncer.tenants.first_seen_at is 'When its first run began.';
comment on column syncer.tenants.privacy_since is 'Run that applied the privacy rules of a table to what is stored, by table.';
comment on column syncer.tenants.asked_at is 'When it was last sent a request by who holds its lock. Infinity: it is being read, or who read it died. Null: not known to have been asked.';

create table syncer.runs (
    run_id bigint generated always as identity primary key,
    tenant_id text collate "C" not null references syncer.tenants,
    job text not null,
    listings text[] not null,
    shape text not null,
    mode text not null check (mode in ('run', 'backfill')),
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
comment on table syncer.runs is 'Runs: one reading of a tenant and its publication.';
comment on column syncer.runs.run_id is 'Number of the run.';
comment on column syncer.runs.tenant_id is 'Tenant it read.';
comment on column syncer.runs.job is 'Job in jobs.yaml it ran for; empty for one without a job.';
comment on column syncer.runs.listings is 'Listings it was to read; a run is resumed only by one that is to read the same.';
comment on column syncer.runs.shape is 'Hash of the columns it stores; a run is resumed only while they are the same.';
comment on column syncer.runs.mode is 'run: by what the mirror knows. backfill: everything afresh.';
comment on column syncer.runs.status is 'running, stopped (can be resumed), succeeded (published, all proved), unproved (published, not all proved), refused (by the deletion guard, nothing published), failed (can be resumed), abandoned (given up for a newer run).';
comment on column syncer.runs.attempt is 'How many times it was started: 1, and one more each time it was resumed.';
comment on column syncer.runs.owner is 'The process that may write to it and publish it.';
comment on column syncer.runs.started_at is 'When its first attempt began.';
comment on column syncer.runs.attempted_at is 'When its last attempt began.';
comment on column syncer.runs.finished_at is 'When its last attempt ended. Null: running, or its process died.';
comment on column syncer.runs.published_at is 'When the mirror took over what it read. Null: not published.';
comment on column syncer.runs.requests is 'HTTP requests of all attempts, retries and tokens included.';
comment on column syncer.runs.retries is 'Requests that were repetitions of a failed one.';
comment on column syncer.runs.throttled is 'Answers that asked to slow down.';
comment on column syncer.runs.seconds is 'Seconds of all attempts.';
comment on column syncer.runs.error is 'Why it failed or was refused. Null: it was not.';

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
comment on table syncer.certificates is 'What a published run proved, a row a listing. Written last, in the transaction that published.';
comment on column syncer.certificates.run_id is 'The run.';
comment on column syncer.certificates.tenant_id is 'The tenant.';
comment on column syncer.certificates.listing is 'The listing; its root table has the same name.';
comment on column syncer.certificates.walk is 'How it was read: whole, pages, split, refresh or window.';
comment on column syncer.certificates.parents is 'Parents it was read for; 1 for a listing without parents.';
comment on column syncer.certificates.total is 'Sum of what the server said is there (Total-Number). Null: it said nothing, the list came whole.';
comment on column syncer.certificates.distinct_ids is 'Distinct items read.';
comment on column syncer.certificates.requests is 'Pages asked for, repetitions of failed requests not counted.';
comment on column syncer.certificates.inserted is 'Rows new in the root table.';
comment on column syncer.certificates.updated is 'Rows of the root table that were replaced.';
comment on column syncer.certificates.deleted is 'Rows that left the root table.';
comment on column syncer.certificates.unchanged is 'Rows of the root table that were left alone.';
comment on column syncer.certificates.proof is 'complete: the table equals the listing. not proved: read, but not shown to be complete; nothing was deleted. failed: could not be read; the table was left alone. unknown to server: an older Logto without this listing.';
comment on column syncer.certificates.reason is 'Why the proof is not complete. Null: it is.';
comment on column syncer.certificates.notes is 'What else a reader should know: values that could not be stored as they came, rows the server could not send. Null: nothing.';
comment on column syncer.certificates.read_at is 'When the reading of the listing was done.';

create table syncer.checkpoints (
    run_id bigint not null references syncer.runs on delete cascade,
    listing text not null,
    sequence bigint not null,
    marks jsonb not null,
    primary key (run_id, listing, sequence)
);
comment on table syncer.checkpoints is 'What a run has done, committed with the rows of it; removed when the run is published or given up.';
comment on column syncer.checkpoints.run_id is 'The run.';
comment on column syncer.checkpoints.listing is 'The listing.';
comment on column syncer.checkpoints.sequence is 'Number of the transaction that made them, ascending; none is made twice.';
comment on column syncer.checkpoints.marks is 'Array of the parts done, each with what a resumed walk has to know of it.';

-- +goose Up
-- What the processes of syncer serve agree on. The queue itself is River's, in
-- schema syncer_queue.
create table syncer.servers (
    name text primary key,
    started_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    version text not null default '',
    doing jsonb not null default '[]'
);
comment on table syncer.servers is 'Processes of syncer serve. What one was at that has not been seen for serve.take_over is gone on with by another.';
comment on column syncer.servers.name is 'Host, process and something random.';
comment on column syncer.servers.started_at is 'When it began.';
comment on column syncer.servers.seen_at is 'When it last said that it is there.';
comment on column syncer.servers.version is 'Version of the program.';
comment on column syncer.servers.doing is 'Array of the runs it is at: job, tenant, since, requests, rows, expected, listing.';

create table syncer.schedules (
    job text not null,
    tenant_id text collate "C" not null,
    first_seen_at timestamptz not null default now(),
    due_at timestamptz not null,
    primary key (job, tenant_id)
);
comment on table syncer.schedules is 'Up to when the schedule of a job is kept, by tenant: what is missed shows as a time after it.';
comment on column syncer.schedules.job is 'The job in jobs.yaml.';
comment on column syncer.schedules.tenant_id is 'The tenant.';
comment on column syncer.schedules.first_seen_at is 'When a syncer serve first knew of the two.';
comment on column syncer.schedules.due_at is 'The last time of the schedule that was taken care of.';

create table syncer.incidents (
    incident_id bigint generated always as identity primary key,
    tenant_id text collate "C" not null,
    job text not null,
    kind text not null check (kind in ('failed', 'unproved', 'stale')),
    reason text not null,
    opened_at timestamptz not null default now(),
    closed_at timestamptz
);
create unique index on syncer.incidents (tenant_id, job, kind) where closed_at is null;
create index on syncer.incidents (opened_at);
comment on table syncer.incidents is 'What somebody was told of: once when it begins, once when it is over.';
comment on column syncer.incidents.incident_id is 'Number of the incident.';
comment on column syncer.incidents.tenant_id is 'The tenant.';
comment on column syncer.incidents.job is 'The job in jobs.yaml.';
comment on column syncer.incidents.kind is 'failed: a run failed or was refused. unproved: it was published, but not all of it is proved. stale: a listing''s last proof is older than max_age.';
comment on column syncer.incidents.reason is 'What was found when it began.';
comment on column syncer.incidents.opened_at is 'When it began.';
comment on column syncer.incidents.closed_at is 'When it was over. Null: it is not.';

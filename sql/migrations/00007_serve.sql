-- +goose Up
-- What the processes of syncer serve share. The job queue itself is River's, in
-- schema syncer_queue.
create table syncer.servers (
    name text primary key,
    started_at timestamptz not null default now(),
    heartbeat_at timestamptz not null default now(),
    version text not null default '',
    active_runs jsonb not null default '[]'
);
comment on table syncer.servers is 'Processes of syncer serve. When one has sent no heartbeat for serve.rescue_after, another process rescues its runs.';
comment on column syncer.servers.name is 'Host name, process id and a random part.';
comment on column syncer.servers.started_at is 'When the process started.';
comment on column syncer.servers.heartbeat_at is 'When the process last sent a heartbeat.';
comment on column syncer.servers.version is 'Version of the program.';
comment on column syncer.servers.active_runs is 'Runs the process works on: array of objects with job, tenant, started_at, requests, rows, expected_rows, listing.';

create table syncer.schedules (
    job text not null,
    tenant_id text collate "C" not null,
    first_seen_at timestamptz not null default now(),
    handled_until timestamptz not null,
    primary key (job, tenant_id)
);
comment on table syncer.schedules is 'How far the schedule of a job has been handled, for each tenant. Times after handled_until that have passed were missed.';
comment on column syncer.schedules.job is 'The job in jobs.yaml.';
comment on column syncer.schedules.tenant_id is 'The tenant.';
comment on column syncer.schedules.first_seen_at is 'When a process of syncer serve first saw this job and tenant.';
comment on column syncer.schedules.handled_until is 'Last time of the schedule that was handled: queued, or skipped on purpose.';

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
comment on table syncer.incidents is 'Problems that notifications were sent about: one when the incident opens, one when it closes.';
comment on column syncer.incidents.incident_id is 'Number of the incident.';
comment on column syncer.incidents.tenant_id is 'The tenant.';
comment on column syncer.incidents.job is 'The job in jobs.yaml.';
comment on column syncer.incidents.kind is 'failed: a run failed or was refused. unproved: a run was published without being completely proved. stale: the last proof of a listing is older than max_age.';
comment on column syncer.incidents.reason is 'What was wrong when it opened.';
comment on column syncer.incidents.opened_at is 'When it opened.';
comment on column syncer.incidents.closed_at is 'When it closed. Null: it is open.';

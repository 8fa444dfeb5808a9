-- +goose Up
alter table syncer.servers add column version text not null default '', add column doing jsonb not null default '[]';
comment on column syncer.servers.version is 'Version of the program.';
comment on column syncer.servers.doing is 'Array of the runs it is at: job, tenant, since, requests, rows, expected, listing.';

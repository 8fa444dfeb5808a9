-- +goose Up
alter table syncer.tenants add column privacy_since jsonb not null default '{}';
comment on column syncer.tenants.privacy_since is 'Run that applied the privacy rules of a table to what is stored, by table.';

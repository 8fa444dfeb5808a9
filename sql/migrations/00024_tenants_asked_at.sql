-- +goose Up
alter table syncer.tenants add column asked_at timestamptz;
comment on column syncer.tenants.asked_at is 'When it was last sent a request by who holds its lock. Infinity: it is being read, or who read it died. Null: not known to have been asked.';

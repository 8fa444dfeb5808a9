#!/bin/sh
# Runs once, when the database is made: a role for Grafana, which the service
# grant lets in.
set -eu
psql -v ON_ERROR_STOP=1 -v password="$GRAFANA_PASSWORD" -U "$POSTGRES_USER" -d "$POSTGRES_DB" <<'SQL'
create role grafana login password :'password';
SQL

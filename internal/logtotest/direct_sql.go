package logtotest

// DirectSQL writes to a tenant's tables behind the server's back: the same rows, but no
// event and no log tells of it.
type DirectSQL struct{ t *Tenant }

// DirectSQL returns the tenant's database to write to.
func (t *Tenant) DirectSQL() DirectSQL { return DirectSQL{t} }

// Insert is Tenant.Insert, by SQL.
func (s DirectSQL) Insert(table string, row Row) (id string, err error) {
	return s.t.insertAs(bySQL, table, row)
}

// Update is Tenant.Update, by SQL.
func (s DirectSQL) Update(table, id string, row Row) error {
	return s.t.updateAs(bySQL, table, id, row)
}

// Delete is Tenant.Delete, by SQL.
func (s DirectSQL) Delete(table, id string) error { return s.t.deleteAs(bySQL, table, id) }

// Unlink is Tenant.Unlink, by SQL.
func (s DirectSQL) Unlink(table string, key Row) error { return s.t.unlinkAs(bySQL, table, key) }

// setActor makes the changes until the function it returns is called those of a writer.
// The caller holds the write lock.
func (t *Tenant) setActor(by actor) (end func()) {
	was := t.by
	t.by = by
	return func() { t.by = was }
}

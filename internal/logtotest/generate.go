package logtotest

// Options says what Generate makes.
type Options struct {
	Users         int    // how many users; the other tables follow from it
	Organizations int    // 0: one for every hundred users, at least one
	Seed          uint64 // the same seed makes the same tenant
	Ties          bool   // half of the users come in 8 import batches that share one created_at
}

// Generate makes a tenant up. It is deterministic: equal options, equal tenant.
func Generate(o Options) *Tenant { return newTenant(o.Seed) }

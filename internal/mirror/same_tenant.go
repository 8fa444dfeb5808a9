package mirror

import (
	"context"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/extract"
)

// tellTenantsApart are the listings by which a tenant is recognized, the first
// one that says something. Their ids are random: two tenants have none in common.
var tellTenantsApart = []string{"users", "organizations"}

// minReplaced is how many items of such a listing a tenant may have replaced one
// and all between two runs.
const minReplaced = 5

// checkSameTenant returns a GuardError if the endpoint answers for another tenant
// than the one mirrored: others were seen, and of those the mirror has, none.
// It does not matter what else was proved, or whether anything is to be deleted.
// Where the endpoint is another than last time, a single item that is known is
// enough, and so is a list that is proved to be empty.
func (a *attempt) checkSameTenant(ctx context.Context, tx pgx.Tx, proofs map[string]*extract.Proof) error {
	moved, err := a.run.EndpointMoved(ctx, tx, a.job.Endpoint)
	if err != nil {
		return err
	}
	least := minReplaced
	if moved {
		least = 1
	}
	for _, name := range tellTenantsApart {
		p := proofs[name]
		if p == nil {
			continue
		}
		if provedEmpty := moved && p.Outcome == extract.Complete; p.Distinct == 0 && !provedEmpty {
			continue
		}
		if a.sink.totalMirroredSeen(name) > 0 {
			return nil
		}
		known, err := a.stage.CountUpTo(ctx, tx, catalog.Find(name), least)
		if err != nil {
			return err
		}
		if known >= least {
			return &GuardError{OtherTenant: true}
		}
	}
	return nil
}

// totalMirroredSeen returns how many items of a listing this run has seen that the mirror
// had.
func (s *sink) totalMirroredSeen(listing string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mirroredSeen[listing]
}

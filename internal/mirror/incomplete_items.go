package mirror

import (
	"strings"

	"logto-syncer/internal/extract"
	"logto-syncer/internal/load"
)

// downgradeIncompleteItems takes the proof from listings in which items came without
// the lists within them. Logto always sends these: something on the way has
// dropped them, and what the tenant has is not known.
func downgradeIncompleteItems(proofs map[string]*extract.Proof, changes map[string]*load.ChangeCounts) {
	for name, p := range proofs {
		if change := changes[name]; change != nil && change.Incomplete != nil && p.Outcome == extract.Complete {
			p.Outcome, p.Reason = extract.NotProved, incompleteItemsReason(change.Incomplete)
		}
	}
}

func incompleteItemsReason(fields []string) string {
	return "items came without their " + strings.Join(fields, " and ") +
		", or with elements that have no id; what the mirror has of these stays as it is"
}

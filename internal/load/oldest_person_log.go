package load

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/pgquery"
)

// OldestPersonLog returns when the oldest log entry of those people was created who
// are still in Logto, as far as the mirror knows; zero: they have none.
func (l *Loader) OldestPersonLog(ctx context.Context, tx pgx.Tx, people DataSubjects) (time.Time, error) {
	const sql = `select min(l.created_at) from logto.logs l
join logto.users u on u.tenant_id = $1 and u.id = l.payload->>'userId'
where l.tenant_id = $1 and u.id = any($2)`
	oldest, err := pgquery.Value[*time.Time](ctx, tx, "look for the oldest log entry of people", sql, l.tenant, append([]string{}, people.IDs...))
	if oldest == nil {
		return time.Time{}, err
	}
	return *oldest, nil
}

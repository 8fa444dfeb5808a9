package load

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// OldestPersonLog returns when the oldest log entry of those people was created who
// are still in Logto, as far as the mirror knows; zero: they have none.
func (l *Loader) OldestPersonLog(ctx context.Context, tx pgx.Tx, people DataSubjects) (time.Time, error) {
	const sql = `select min(l.created_at) from logto.logs l
join logto.users u on u.tenant_id = $1 and u.id = l.payload->>'userId'
where l.tenant_id = $1 and u.id = any($2)`
	var oldest *time.Time
	if err := tx.QueryRow(ctx, sql, l.tenant, append([]string{}, people.IDs...)).Scan(&oldest); err != nil {
		return time.Time{}, fmt.Errorf("look for the oldest log entry of people: %w", err)
	}
	if oldest == nil {
		return time.Time{}, nil
	}
	return *oldest, nil
}

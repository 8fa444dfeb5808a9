package state

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrLocked says that another run works on the tenant.
var ErrLocked = errors.New("another run is working on this tenant")

// lockSeed tells our advisory locks from others': the key is a hash of the
// tenant's name with this seed.
const lockSeed = 0x6c6f67746f

// A TenantLock is held by a connection of its own, so that it ends with the process
// whatever happens to it.
type TenantLock struct {
	pool   *pgxpool.Pool
	tenant string
	conn   *pgx.Conn
}

// AcquireTenantLock takes the lock of a tenant, or returns ErrLocked at once.
func AcquireTenantLock(ctx context.Context, pool *pgxpool.Pool, tenant string) (*TenantLock, error) {
	// Not one of the pool's: runs that each hold one of a few could wait for
	// the others' for ever.
	conn, err := pgx.ConnectConfig(ctx, pool.Config().ConnConfig)
	if err != nil {
		return nil, fmt.Errorf("connect for the lock of %s: %w", tenant, err)
	}
	var got bool
	err = conn.QueryRow(ctx, "select pg_try_advisory_lock(hashtextextended($2, $1))", lockSeed, tenant).Scan(&got)
	l := &TenantLock{pool, tenant, conn}
	if err != nil {
		l.unlockAndClose()
		return nil, fmt.Errorf("lock %s: %w", tenant, err)
	}
	if !got {
		l.unlockAndClose()
		return nil, ErrLocked
	}
	return l, nil
}

// KeepHeld keeps the lock until ctx is done. When its connection is lost, the
// database having been restarted, it takes the lock again as soon as it can.
// It returns ErrLocked when somebody else was faster, and nil when ctx is done.
func (l *TenantLock) KeepHeld(ctx context.Context, every time.Duration) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if l.alive(ctx) {
			continue
		}
		if ctx.Err() != nil {
			return nil
		}
		l.unlockAndClose()
		again, err := AcquireTenantLock(ctx, l.pool, l.tenant)
		if errors.Is(err, ErrLocked) {
			return fmt.Errorf("the database was gone, and with it the lock of %s: %w", l.tenant, err)
		}
		if err == nil {
			l.conn = again.conn
		}
	}
}

// pingTimeout is how long a connection may take to show that it is there.
const pingTimeout = 15 * time.Second

func (l *TenantLock) alive(ctx context.Context) bool {
	if l.conn == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	return l.conn.Ping(ctx) == nil
}

// Release gives the lock back. It is called when KeepHeld has returned.
func (l *TenantLock) Release() { l.unlockAndClose() }

// unlockAndClose gives the lock back and ends its connection. Ending it alone would do,
// but the server takes a moment to notice, and whoever comes next would find
// the tenant locked. Where the lock cannot be given back, the connection is
// broken, and the lock gone with it.
func (l *TenantLock) unlockAndClose() {
	if l.conn == nil {
		return
	}
	conn := l.conn
	l.conn = nil
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = conn.Exec(ctx, "select pg_advisory_unlock_all()")
	_ = conn.Close(ctx)
}

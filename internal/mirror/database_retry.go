package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// databasePatience is how long the database may be away before the run ends. A restart
// takes seconds; the run stays resumable when it is longer.
const databasePatience = 2 * time.Minute

// withRetry calls f again, with growing pauses, while the database is away or
// asks for it. f is a transaction, or reads.
func withRetry[T any](ctx context.Context, log *slog.Logger, f func() (T, error)) (T, error) {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = 50*time.Millisecond, 3*time.Second
	out, err := backoff.Retry(ctx, func() (T, error) {
		out, err := f()
		if err != nil && !transient(err) {
			return out, backoff.Permanent(err)
		}
		return out, err
	}, backoff.WithBackOff(pause), backoff.WithMaxElapsedTime(databasePatience), backoff.WithNotify(func(err error, next time.Duration) {
		log.WarnContext(ctx, "database operation failed, trying again", "error", err, "wait", next.Round(time.Millisecond))
	}))
	if err != nil && transient(err) && ctx.Err() == nil {
		return out, fmt.Errorf("the database was away for %s; start the run again when it is back, it resumes where it stopped: %w", databasePatience, err)
	}
	return out, err
}

// transient reports whether the same transaction may succeed a moment later.
func transient(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch {
		case strings.HasPrefix(pg.Code, "08"), strings.HasPrefix(pg.Code, "40"): // connection lost; deadlock, serialization
			return true
		case strings.HasPrefix(pg.Code, "57P"), pg.Code == "53300", pg.Code == "55P03", pg.Code == "57014":
			return true // restarting; too many connections; lock or statement time-out
		}
		return false
	}
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || pgconn.SafeToRetry(err) ||
		strings.Contains(err.Error(), "conn closed") || strings.Contains(err.Error(), "failed to connect")
}

package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"logto-syncer/internal/logtotest"
)

// rateFlag is so many a second: 5/s, or 5.
type rateFlag float64

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *rateFlag) UnmarshalText(text []byte) error {
	n, err := strconv.ParseFloat(strings.TrimSuffix(string(text), "/s"), 64)
	if err != nil || math.IsNaN(n) || n < 0 || n > 10_000 {
		return errors.New("want so many a second, such as 5/s, at most 10000/s")
	}
	*r = rateFlag(n)
	return nil
}

// keepChanging changes a tenant so many times a second until the context ends.
// A rate of 0 changes nothing.
func keepChanging(ctx context.Context, tenant *logtotest.Tenant, perSecond float64) error {
	if perSecond == 0 {
		<-ctx.Done()
		return nil
	}
	users, organizations := simulatedRowIDs(tenant, "users"), simulatedRowIDs(tenant, "organizations")
	tick := time.NewTicker(time.Duration(float64(time.Second) / perSecond))
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		var err error
		if users, err = changeTenantOnce(tenant, n, users, organizations); err != nil && !errors.Is(err, logtotest.ErrUnknown) && !errors.Is(err, logtotest.ErrExists) {
			return fmt.Errorf("change the simulated tenant: %w", err)
		}
	}
}

// changeTenantOnce makes one change and returns the users there are after it.
func changeTenantOnce(tenant *logtotest.Tenant, n int, users, organizations []string) ([]string, error) {
	if n%5 == 0 || len(users) == 0 {
		id, err := tenant.CreateUser(logtotest.Row{"name": fmt.Sprintf("Newcomer %d", n)})
		return append(users, id), err
	}
	i := rand.IntN(len(users))
	user := users[i]
	switch n % 5 {
	case 1:
		users[i] = users[len(users)-1]
		return users[:len(users)-1], tenant.DeleteUser(user)
	case 2:
		if len(organizations) > 0 {
			return users, tenant.AddMember(organizations[rand.IntN(len(organizations))], user)
		}
	}
	return users, tenant.UpdateUser(user, logtotest.Row{"name": fmt.Sprintf("Renamed %d", n), "updated_at": tenant.Now()})
}

func simulatedRowIDs(tenant *logtotest.Tenant, table string) []string {
	rows := tenant.Rows(table)
	ids := make([]string, 0, len(rows))
	for _, row := range rows {
		if id, ok := row["id"].(string); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

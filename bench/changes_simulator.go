package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"logto-syncer/internal/logtotest"
)

// Changes that events or the audit log tell of.
const (
	mixed = "mixed" // sign-ins, sign-ups, edits, deletions
	// stamped changes write the moment into a name, by which readers tell the age.
	stamped = "stamped"
	stamp   = "changed at "
)

// changeMixed makes n changes of users, each of another one.
func changeMixed(tenant *logtotest.Tenant, n int) error {
	users := tenant.IDs("users")
	for i, at := range rand.Perm(len(users))[:min(n, len(users))] {
		var err error
		switch i % 10 {
		case 0, 1, 2, 3:
			err = tenant.SignIn(users[at])
		case 4, 5, 6:
			err = tenant.UpdateUser(users[at], logtotest.Row{"name": fmt.Sprintf("Edited %08x", rand.Uint32())})
		case 7, 8:
			_, err = tenant.SignUp(logtotest.Row{"name": "Newcomer"})
		case 9:
			err = tenant.DeleteUser(users[at])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// changeStamped makes n changes of every kind that readers can date.
func changeStamped(tenant *logtotest.Tenant, n int) error {
	users, organizations := tenant.IDs("users"), tenant.IDs("organizations")
	for i := range n {
		row := logtotest.Row{"name": fmt.Sprintf("%s%d %08x", stamp, time.Now().UnixMilli(), rand.Uint32())}
		user := users[rand.IntN(len(users))]
		var err error
		switch i % 5 {
		case 0:
			_, err = tenant.SignUp(row)
		case 1:
			err = tenant.UpdateUser(user, row)
		case 2:
			err = tenant.EditAccount(user, row)
		case 3:
			err = tenant.UpdateOrganization(organizations[rand.IntN(len(organizations))], row)
		case 4:
			_, err = tenant.CreateOrganization(row)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// likeCloud makes a server answer after 50 to 400 ms, and 429 beyond 200
// requests in 10 s.
func likeCloud(s *logtotest.Server) {
	s.Throttle(cloudRequests, 10*time.Second, true)
	s.Inject(logtotest.Fault{Kind: logtotest.Delay, Delay: 50 * time.Millisecond, DelayMax: 400 * time.Millisecond})
}

const cloudRequests = 200

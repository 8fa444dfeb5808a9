package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/report/reporttest"
)

// Changes that a simulator makes on request.
const (
	rename = "rename"
	signIn = "sign in"
	// secondDay is rename, and what the people of the questions do on their second
	// day.
	secondDay = "second day"
	// Events or the audit log tell of mixed changes (sign-ins, sign-ups, edits,
	// deletions) and of stamped ones, which write the moment into a name, by which
	// readers tell the age.
	mixed   = "mixed"
	stamped = "stamped"
	stamp   = "changed at "
)

// change makes n changes, each of another random user.
func change(tenant *logtotest.Tenant, n int, what string) error {
	users := tenant.IDs("users")
	for i, at := range rand.Perm(len(users))[:min(n, len(users))] {
		if err := changeOne(tenant, i, users[at], what); err != nil {
			return err
		}
	}
	if what == secondDay {
		return reporttest.ApplySecondDay(tenant)
	}
	return nil
}

// changeOne makes the ith change. Users that are renamed or sign in are changed by
// SQL: a million deliveries of the webhook would take the simulator gigabytes, and
// no run that proves reads them.
func changeOne(tenant *logtotest.Tenant, i int, user, what string) error {
	switch what {
	case mixed:
		return changeMixed(tenant, i, user)
	case stamped:
		return changeWithTimeInName(tenant, i, user)
	case signIn:
		return tenant.DirectSQL().Update("users", user, logtotest.Row{"last_sign_in_at": tenant.Now()})
	}
	return tenant.DirectSQL().Update("users", user, randomNameRow("Renamed "))
}

// randomNameRow has another name than the one of a change before.
func randomNameRow(prefix string) logtotest.Row {
	return logtotest.Row{"name": fmt.Sprintf("%s%08x", prefix, rand.Uint32())}
}

func changeMixed(tenant *logtotest.Tenant, i int, user string) (err error) {
	switch i % 10 {
	case 0, 1, 2, 3:
		err = tenant.SignIn(user)
	case 4, 5, 6:
		err = tenant.UpdateUser(user, randomNameRow("Edited "))
	case 7, 8:
		_, err = tenant.SignUp(logtotest.Row{"name": "Newcomer"})
	case 9:
		err = tenant.DeleteUser(user)
	}
	return err
}

func changeWithTimeInName(tenant *logtotest.Tenant, i int, user string) (err error) {
	row := randomNameRow(fmt.Sprintf("%s%d ", stamp, time.Now().UnixMilli()))
	switch i % 5 {
	case 0:
		_, err = tenant.SignUp(row)
	case 1:
		err = tenant.UpdateUser(user, row)
	case 2:
		err = tenant.EditAccount(user, row)
	case 3:
		organizations := tenant.IDs("organizations")
		err = tenant.UpdateOrganization(organizations[rand.IntN(len(organizations))], row)
	case 4:
		_, err = tenant.CreateOrganization(row)
	}
	return err
}

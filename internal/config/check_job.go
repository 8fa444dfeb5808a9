package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a container from scratch has no time zones of its own

	"github.com/robfig/cron/v3"
)

const wantSchedule = "five cron fields such as 30 2 * * *, @daily or @every 6h"

func checkJob(d *decoder, path string, j *Job, tenants []Tenant, known []string) {
	location := checkTimezone(d, path+".timezone", j)
	checkSchedule(d, path+".schedule", j, location)
	checkJobServeSettings(d, path, j)
	d.reportUnless(j.Read == ReadChanges, path+".read", wantRead, "without it the job reads everything, with a proof")
	setDefault(d, path+".tenants", &j.Tenants.All, true)
	setDefault(d, path+".listings", &j.Listings.All, true)
	names, sure := knownTenantNames(d, tenants)
	if sure {
		checkSelection(d, path+".tenants", "tenant", names)
	}
	if known != nil {
		checkSelection(d, path+".listings", "listing", known)
		checkFollowedListings(d, path+".listings", j, known)
	}
}

// knownTenantNames returns the tenants' names, and whether all of them are known: a
// name that a missing variable was to bring may be the one a job asks for.
func knownTenantNames(d *decoder, tenants []Tenant) (names []string, sure bool) {
	sure = !d.fieldAt("tenants").bad
	for i, t := range tenants {
		sure = sure && d.isValid(fmt.Sprintf("tenants[%d].name", i))
		names = append(names, t.Name)
	}
	return names, sure
}

// checkSelection reports names that are not known, each where it is written.
func checkSelection(d *decoder, path, what string, known []string) {
	for i := 0; ; i++ {
		at := fmt.Sprintf("%s[%d]", path, i)
		if d.fields[at] == nil {
			return
		}
		if name := d.fieldAt(at).text; d.isValid(at) && name != "all" && !slices.Contains(known, name) {
			d.report(at, "unknown "+what+" "+d.shownValue(at), nameHint(name, known))
		}
	}
}

// checkTimezone returns UTC where the zone is missing or wrong.
func checkTimezone(d *decoder, path string, j *Job) *time.Location {
	setDefault(d, path, &j.Timezone, "UTC")
	location, err := time.LoadLocation(j.Timezone)
	d.reportUnless(err == nil && j.Timezone != "Local", path, "a time zone such as Europe/Berlin or UTC", "")
	if err != nil {
		return time.UTC
	}
	return location
}

func checkSchedule(d *decoder, path string, j *Job, location *time.Location) {
	if !d.isValid(path) {
		return
	}
	if strings.Contains(j.Schedule, "TZ=") { // the cron parser panics on some of these
		d.report(path, "must not contain a time zone (TZ=)", "set timezone: instead")
		return
	}
	schedule, err := cron.ParseStandard(j.Schedule)
	if err != nil {
		d.report(path, "must be "+wantSchedule+", is "+d.shownValue(path), scheduleHint(j.Schedule))
		return
	}
	j.Cron = schedule
	switch s := schedule.(type) {
	case *cron.SpecSchedule:
		s.Location = time.UTC
		j.Cron = scheduleInLocation(s, location)
		if j.Cron.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
			d.report(path, "never happens: no such date exists", "")
		}
	case cron.ConstantDelaySchedule:
		// The parser makes a second of anything less, even of less than none.
		every, _ := strings.CutPrefix(j.Schedule, "@every ")
		delay, err := time.ParseDuration(every)
		d.reportUnless(err == nil && delay >= time.Second, path, "@every 1s or longer", "")
		j.Cron = alignedInterval(s.Delay)
	}
}

func scheduleHint(spec string) string {
	switch n := len(strings.Fields(spec)); {
	case strings.HasPrefix(spec, "@"):
		return "known: @hourly, @daily, @weekly, @monthly, @yearly, @every 6h"
	case n == 6:
		return "there is no field for seconds: minute, hour, day, month, weekday"
	case n != 5:
		return fmt.Sprintf("%d fields, must be 5: minute, hour, day, month, weekday", n)
	}
	return ""
}

package config

import (
	"time"

	"github.com/robfig/cron/v3"
)

// A wallClockSchedule handles daylight saving time: a job at 02:30 runs once a night, also
// in the night without 02:30 (at the moment the clock is put forward) and in the
// night with two (at the first). cron's own schedule would skip the first night and
// run twice in the second. Schedules that run every hour do not use this type: they
// count hours that pass.
type wallClockSchedule struct {
	spec     cron.SpecSchedule // its Location is UTC
	location *time.Location
}

// Next implements cron.Schedule.
func (w wallClockSchedule) Next(after time.Time) time.Time {
	wall := wallTime(after.In(w.location))
	// After the clock is put back, it shows times again that were due the first time.
	// Start before them, and let the loop skip what is past.
	wall = wall.Add(-3 * time.Hour)
	for {
		wall = w.spec.Next(wall)
		if wall.IsZero() {
			return wall
		}
		if at := w.instantOf(wall); at.After(after) {
			return at.In(after.Location())
		}
	}
}

// wallTime returns what the clock shows, as a UTC time.
func wallTime(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

// instantOf returns the first moment at which the clock shows wall or, where it
// jumps over it, the moment of the jump.
func (w wallClockSchedule) instantOf(wall time.Time) time.Time {
	at := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, w.location)
	_, offset := at.Add(-12 * time.Hour).Zone()
	if early := wall.Add(-time.Duration(offset) * time.Second); wallTime(early.In(w.location)).Equal(wall) {
		return early.In(w.location) // of two, the one before the clock is put back
	}
	if wallTime(at).Equal(wall) {
		return at
	}
	if start, _ := at.ZoneBounds(); at.Sub(start) < 25*time.Hour {
		return start
	}
	_, end := at.ZoneBounds()
	return end
}

// alignedInterval runs at a fixed interval counted from 1970, so that all processes find the
// same times and a restart does not shift them.
type alignedInterval time.Duration

// Next implements cron.Schedule.
func (g alignedInterval) Next(after time.Time) time.Time {
	every := int64(time.Duration(g) / time.Second)
	return time.Unix((after.Unix()/every+1)*every, 0).In(after.Location())
}

// runsEveryHour reports whether the hour field of a schedule is *.
func runsEveryHour(s *cron.SpecSchedule) bool { return s.Hour&(1<<63) != 0 }

// scheduleInLocation returns the schedule in a time zone.
func scheduleInLocation(s *cron.SpecSchedule, location *time.Location) cron.Schedule {
	if runsEveryHour(s) {
		s.Location = location
		return s
	}
	spec := *s
	spec.Location = time.UTC
	return wallClockSchedule{spec, location}
}

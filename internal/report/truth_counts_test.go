package report_test

import (
	"slices"
	"time"
)

// clock is now, as now() is in a view.
func clock() time.Time { return time.Now() }

// countViews compute the views that count by time.
func countViews() map[string]func(*truth) []row {
	day := func(t time.Time) string { return t.Format(time.DateOnly) }
	week := func(t time.Time) string { return t.AddDate(0, 0, -(int(t.Weekday())+6)%7).Format(time.DateOnly) }
	month := func(t time.Time) string { return t.Format("2006-01") + "-01" }
	return map[string]func(*truth) []row{
		"sign_ups_by_day":      func(tr *truth) []row { return tr.signUps("day", day) },
		"sign_ups_by_week":     func(tr *truth) []row { return tr.signUps("week", week) },
		"sign_ups_by_month":    func(tr *truth) []row { return tr.signUps("month", month) },
		"last_sign_ins_by_day": lastSignIns,
		"organization_growth":  growth,
	}
}

func (tr *truth) signUps(unit string, of func(time.Time) string) (out []row) {
	ups, back := map[string]int{}, map[string]int{}
	for _, u := range tr.users {
		created := at(u["created_at"])
		ups[of(created)]++
		if in := u["last_sign_in_at"]; in != nil && at(in).Sub(created) >= 24*time.Hour {
			back[of(created)]++
		}
	}
	for when, n := range ups {
		out = append(out, row{unit: when, "sign_ups": n, "came_back": back[when]})
	}
	return out
}

func active(tr *truth) []row {
	out := row{"users": 0, "never": 0, "within_1_day": 0, "within_7_days": 0, "within_30_days": 0, "within_90_days": 0}
	inc := func(column string, yes bool) {
		if yes {
			out[column] = out[column].(int) + 1
		}
	}
	for _, u := range tr.users {
		if at(u["created_at"]).After(momentTime()) {
			continue
		}
		inc("users", true)
		inc("never", u["last_sign_in_at"] == nil)
		for column, days := range map[string]int{"within_1_day": 1, "within_7_days": 7, "within_30_days": 30, "within_90_days": 90} {
			inc(column, u["last_sign_in_at"] != nil && at(u["last_sign_in_at"]).After(momentTime().AddDate(0, 0, -days)))
		}
	}
	return []row{out}
}

func lastSignIns(tr *truth) (out []row) {
	count := map[string]int{}
	for _, u := range tr.users {
		if in := u["last_sign_in_at"]; in != nil {
			count[at(in).Format(time.DateOnly)]++
		}
	}
	for when, n := range count {
		out = append(out, row{"day": when, "users": n})
	}
	return out
}

func growth(tr *truth) (out []row) {
	count := map[string]int{}
	for _, o := range tr.organizations {
		count[at(o["created_at"]).Format("2006-01")+"-01"]++
	}
	var months []string
	for when := range count {
		months = append(months, when)
	}
	slices.Sort(months)
	soFar := 0
	for _, when := range months {
		soFar += count[when]
		out = append(out, row{"month": when, "organizations_created": count[when], "organizations_so_far": soFar})
	}
	return out
}

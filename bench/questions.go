package main

import (
	"context"
	"time"
)

// A questionTenant is the big tenant with all that the questions are about.
type questionTenant struct {
	*largeTenant
	*database
	previousRunAt, lastRunAt time.Time // when the last two runs were published
}

// measureQuestions changes the big tenant a few times, makes the indexes for
// analysts, and asks it all that docs/questions.md asks.
func measureQuestions(ctx context.Context, l *harness) (rows []result, err error) {
	big, err := l.mirroredLargeTenant(ctx)
	if err != nil {
		return nil, err
	}
	c := &questionTenant{largeTenant: big, database: big.mirror}
	if rows, err = c.changedRows(ctx); err != nil {
		return rows, err
	}
	if _, err := c.Exec(ctx, "vacuum analyze"); err != nil {
		return rows, err
	}
	for _, measure := range []func(context.Context) ([]result, error){c.questions, c.searches} {
		some, err := measure(ctx)
		rows = append(rows, some...)
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}

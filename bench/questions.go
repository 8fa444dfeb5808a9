package main

import (
	"context"
	"time"
)

// A crowd is the big tenant with all that the questions are about.
type crowd struct {
	*bigTenant
	*database
	from, to time.Time // when the last two runs were published
}

// measureQuestions changes the big tenant a few times, makes the indexes for
// analysts, and asks it all that docs/questions.md asks.
func measureQuestions(ctx context.Context, l *lab) (rows []row, err error) {
	big, err := l.mirrored(ctx)
	if err != nil {
		return nil, err
	}
	c := &crowd{bigTenant: big, database: big.kept}
	if rows, err = c.nights(ctx); err != nil {
		return rows, err
	}
	if _, err := c.Exec(ctx, "vacuum analyze"); err != nil {
		return rows, err
	}
	for _, measure := range []func(context.Context) ([]row, error){c.questions, c.searches} {
		some, err := measure(ctx)
		rows = append(rows, some...)
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}

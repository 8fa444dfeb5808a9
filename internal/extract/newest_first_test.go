package extract

import "testing"

// Pages begin at multiples of their size, so a page that is to begin at a rank
// has to be chosen; it should still be nearly a whole one.
func TestAPageBeginsAtTheRankOrBeforeAndEndsBehindIt(t *testing.T) {
	t.Parallel()
	brought, pages := 0, 0
	for end := 100; end < 100_000; pages++ {
		rank := end - 2 // as where no two rows share a moment
		page, size := pageStartingAtOrBefore(rank, 100)
		from, to := (page-1)*size, page*size
		if from > rank || to <= end || size > 100 || size < 1 {
			t.Fatalf("rank %d: page %d of %d is [%d, %d)", rank, page, size, from, to)
		}
		brought, end = brought+to-end, to
	}
	if mean := brought / pages; mean < 80 {
		t.Errorf("a page brings %d new rows on average", mean)
	} else {
		t.Logf("a page brings %d new rows on average", mean)
	}
}

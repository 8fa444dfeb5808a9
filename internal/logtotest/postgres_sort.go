package logtotest

// This file sorts as Postgres does, ties included: "order by created_at desc limit
// n" keeps a heap of the n newest rows, or quicksorts when that is not less work,
// and what becomes of rows that share a created_at follows from nothing but their
// physical order and n. Up to sortLimit rows the simulation goes through the same
// motions, and so has a real server's page to the row; beyond, unstable_order.go has to do.

// sortLimit is how many rows are sorted anew for every page.
const sortLimit = 5000

// A postgresSorter holds rows by their time; newest first.
type postgresSorter[T any] struct {
	rows []T
	at   []int64
}

// postgresTopN is the first bound rows by created_at desc, from rows in physical
// order. rows is not changed.
func postgresTopN[T any](rows []T, when func(T) int64, bound int) []T {
	s := &postgresSorter[T]{}
	bound = min(bound, len(rows))
	if bound == 0 {
		return nil
	}
	heap := len(rows) > 2*bound
	for _, r := range rows {
		at := when(r)
		switch n := len(s.rows); {
		case !heap || n < bound:
			s.rows, s.at = append(s.rows, r), append(s.at, at)
			if heap {
				s.siftUp(n)
			}
		case at > s.at[0]:
			s.replaceRoot(r, at, n)
		}
	}
	if !heap {
		s.quick(0, len(s.rows))
		return window(s.rows, 0, bound)
	}
	for n := len(s.rows) - 1; n > 0; n-- {
		oldest, at := s.rows[0], s.at[0]
		s.replaceRoot(s.rows[n], s.at[n], n)
		s.rows[n], s.at[n] = oldest, at
	}
	return s.rows
}

// siftUp puts the row at i into the heap above it; the oldest is the root.
func (s *postgresSorter[T]) siftUp(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if s.at[i] >= s.at[parent] {
			return
		}
		s.swap(i, parent)
		i = parent
	}
}

// replaceRoot replaces the root of a heap of n rows.
func (s *postgresSorter[T]) replaceRoot(r T, at int64, n int) {
	i := 0
	for {
		child := 2*i + 1
		if child >= n {
			break
		}
		if child+1 < n && s.at[child] > s.at[child+1] {
			child++
		}
		if at <= s.at[child] {
			break
		}
		s.rows[i], s.at[i] = s.rows[child], s.at[child]
		i = child
	}
	s.rows[i], s.at[i] = r, at
}

func (s *postgresSorter[T]) swap(i, j int) {
	s.rows[i], s.rows[j] = s.rows[j], s.rows[i]
	s.at[i], s.at[j] = s.at[j], s.at[i]
}

// compare is negative when i comes before j: when it is newer.
func (s *postgresSorter[T]) compare(i, j int) int {
	switch {
	case s.at[i] > s.at[j]:
		return -1
	case s.at[i] < s.at[j]:
		return 1
	}
	return 0
}

// quick sorts n rows from a on: insertion for a few, nothing for what is sorted,
// else a three-way partition around a median (Bentley and McIlroy).
func (s *postgresSorter[T]) quick(a, n int) {
	for {
		if n < 7 {
			for i := a + 1; i < a+n; i++ {
				for j := i; j > a && s.compare(j-1, j) > 0; j-- {
					s.swap(j, j-1)
				}
			}
			return
		}
		if s.isSorted(a, n) {
			return
		}
		s.swap(a, s.pivot(a, n))
		left, right := s.partition(a, n)
		small, large := [2]int{a, left}, [2]int{a + n - right, right}
		if left > right {
			small, large = large, small
		}
		if small[1] > 1 {
			s.quick(small[0], small[1])
		}
		if large[1] < 2 {
			return
		}
		a, n = large[0], large[1]
	}
}

func (s *postgresSorter[T]) isSorted(a, n int) bool {
	for i := a + 1; i < a+n; i++ {
		if s.compare(i-1, i) > 0 {
			return false
		}
	}
	return true
}

func (s *postgresSorter[T]) pivot(a, n int) int {
	low, mid, high := a, a+n/2, a+n-1
	if n <= 7 {
		return mid
	}
	if d := n / 8; n > 40 {
		low, mid, high = s.median(low, low+d, low+2*d), s.median(mid-d, mid, mid+d), s.median(high-2*d, high-d, high)
	}
	return s.median(low, mid, high)
}

func (s *postgresSorter[T]) median(x, y, z int) int {
	if s.compare(x, y) < 0 {
		switch {
		case s.compare(y, z) < 0:
			return y
		case s.compare(x, z) < 0:
			return z
		}
		return x
	}
	switch {
	case s.compare(y, z) > 0:
		return y
	case s.compare(x, z) < 0:
		return x
	}
	return z
}

// partition splits around the row at a and returns how many are newer and older.
func (s *postgresSorter[T]) partition(a, n int) (left, right int) {
	equalLeft, i, j, equalRight := a+1, a+1, a+n-1, a+n-1
	for {
		for ; i <= j && s.compare(i, a) <= 0; i++ {
			if s.compare(i, a) == 0 {
				s.swap(equalLeft, i)
				equalLeft++
			}
		}
		for ; i <= j && s.compare(j, a) >= 0; j-- {
			if s.compare(j, a) == 0 {
				s.swap(j, equalRight)
				equalRight--
			}
		}
		if i > j {
			break
		}
		s.swap(i, j)
		i++
		j--
	}
	end := a + n
	for k, d := 0, min(equalLeft-a, i-equalLeft); k < d; k++ {
		s.swap(a+k, i-d+k)
	}
	for k, d := 0, min(equalRight-j, end-equalRight-1); k < d; k++ {
		s.swap(i+k, end-d+k)
	}
	return i - equalLeft, equalRight - j
}

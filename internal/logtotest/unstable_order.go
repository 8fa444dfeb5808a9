package logtotest

import "sort"

// unstablePage is a page of a list ordered by created_at desc and nothing else.
// The rows of a group that share one created_at come in an order that depends on
// where the page ends, as with the server's top-N sort: the same question has the
// same answer, but two pages of a walk overlap, and rows are missed. when is
// the time of a row; list is sorted by it, descending; salt 0 keeps list's order.
func unstablePage[T any](list []T, when func(T) int64, offset, limit int, salt uint64) []T {
	page := window(list, offset, limit)
	if salt == 0 || limit < 0 || len(page) == 0 {
		return page
	}
	out := make([]T, len(page))
	end := uint64(offset + limit)
	for i := 0; i < len(page); {
		t := when(page[i])
		from := sort.Search(len(list), func(j int) bool { return when(list[j]) <= t })
		to := sort.Search(len(list), func(j int) bool { return when(list[j]) < t })
		group := list[from:to]
		for ; i < len(page) && offset+i < to; i++ {
			out[i] = group[permuteIndex(offset+i-from, len(group), mixSeed(salt, end))]
		}
	}
	return out
}

// permuteIndex maps 0..n-1 onto itself, another way for every key.
func permuteIndex(i, n int, key uint64) int {
	if n < 2 {
		return i
	}
	step := 1 + key%uint64(n-1)
	for gcd(step, uint64(n)) != 1 {
		step++
	}
	return int((uint64(i)*step + key>>32) % uint64(n))
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// mixSeed is a number that looks random for every pair of numbers.
func mixSeed(a, b uint64) uint64 {
	x := a*0x9e3779b97f4a7c15 ^ b + 0x632be59bd9b4e019
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

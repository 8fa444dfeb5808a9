package host

import (
	"cmp"
	"slices"
)

// Median returns the one in the middle, the later of two; zero if there is
// none. It leaves the order of its argument alone.
func Median[T cmp.Ordered](of []T) (m T) {
	if len(of) == 0 {
		return m
	}
	return slices.Sorted(slices.Values(of))[len(of)/2]
}

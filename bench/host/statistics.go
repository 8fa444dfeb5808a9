package host

import (
	"cmp"
	"slices"
)

// Median returns the middle value, the greater one of two; zero if there is
// none. It does not change the order of its argument.
func Median[T cmp.Ordered](values []T) (median T) {
	if len(values) == 0 {
		return median
	}
	return slices.Sorted(slices.Values(values))[len(values)/2]
}

// Mean returns the arithmetic mean; zero if there are no values.
func Mean(values []float64) (mean float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	return mean
}

package host

import (
	"cmp"
	"slices"
)

// Percentile returns the value that p of 100 values are below; zero if there are
// no values. It does not change the order of its argument.
func Percentile[T cmp.Ordered](values []T, p int) (percentile T) {
	if len(values) == 0 {
		return percentile
	}
	return slices.Sorted(slices.Values(values))[len(values)*p/100]
}

// Median returns the middle value, the greater one of two; zero if there is
// none.
func Median[T cmp.Ordered](values []T) T { return Percentile(values, 50) }

// Mean returns the arithmetic mean; zero if there are no values.
func Mean(values []float64) (mean float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	return mean
}

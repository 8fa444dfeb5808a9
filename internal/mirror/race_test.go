//go:build race

package mirror_test

const underRace = true

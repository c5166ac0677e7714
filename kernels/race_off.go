//go:build !race

package kernels

const raceEnabled = false

func raceRead[T any]([]T)  {}
func raceWrite[T any]([]T) {}

package kernels

// nLanes is the number of virtual lanes of every reduction: lane i takes the
// elements i, i+16, i+32, … in ascending order, whatever the vector width.
const nLanes = 16

// SumSquares returns Σ x[i]², by FMA in 16 lanes and the fixed tree. The sum
// of no elements is 0.
func SumSquares(x []float32) float32 { return active.SumSquares(x) }

// Sum returns Σ x[i], in 16 lanes and the fixed tree. The sum of no elements
// is 0.
func Sum(x []float32) float32 { return active.Sum(x) }

func sumSquaresGeneric(x []float32) float32 {
	var lanes [nLanes]float32
	for i, v := range x {
		l := &lanes[i%nLanes]
		*l = fma32(v, v, *l)
	}
	return sumLanes(&lanes)
}

func sumGeneric(x []float32) float32 {
	var lanes [nLanes]float32
	for i, v := range x {
		lanes[i%nLanes] += v
	}
	return sumLanes(&lanes)
}

// sumLanes adds the lanes by the fixed tree: lane i takes lane i+8, then i+4,
// i+2, i+1. It destroys lanes.
func sumLanes(lanes *[nLanes]float32) float32 {
	for n := nLanes / 2; n > 0; n /= 2 {
		for i := range n {
			lanes[i] += lanes[i+n]
		}
	}
	return lanes[0]
}

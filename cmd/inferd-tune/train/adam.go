package train

import (
	"math"

	"inferd/cmd/inferd-tune/graph"
)

// adam is Adam (arXiv:1412.6980) with decoupled weight decay
// (arXiv:1711.05101). gorgonia has a solver too, but its moments cannot be
// saved, and a run that resumes without them is another run.
type adam struct {
	params []graph.Param
	m, v   [][]float32 // moments, one slice for each parameter
}

const (
	beta1       = 0.9
	beta2       = 0.98
	adamEps     = 1e-8
	weightDecay = 0.02 // of matrices, times the learning rate
	maxNorm     = 1.0  // of all gradients together; longer ones are shortened
)

func newAdam(params []graph.Param) *adam {
	a := &adam{params: params}
	for _, p := range params {
		a.m = append(a.m, make([]float32, len(p.Data)))
		a.v = append(a.v, make([]float32, len(p.Data)))
	}
	return a
}

// step applies gradients, one slice for each parameter, as step t ≥ 1, and
// returns their norm before clipping.
func (a *adam) step(t int, rate float64, grads [][]float32) float64 {
	var square float64
	for _, g := range grads {
		for _, x := range g {
			square += float64(x) * float64(x)
		}
	}
	norm := math.Sqrt(square)
	clip := float32(min(1, maxNorm/(norm+1e-12)))
	scaleM := float32(1 / (1 - math.Pow(beta1, float64(t))))
	scaleV := float32(1 / (1 - math.Pow(beta2, float64(t))))
	for i, p := range a.params {
		decay := float32(rate * weightDecay)
		if p.IsGain() {
			decay = 0
		}
		m, v := a.m[i], a.v[i]
		for j, g := range grads[i] {
			g *= clip
			m[j] = beta1*m[j] + (1-beta1)*g
			v[j] = beta2*v[j] + (1-beta2)*g*g
			update := m[j] * scaleM / (float32(math.Sqrt(float64(v[j]*scaleV))) + adamEps)
			p.Data[j] -= float32(rate)*update + decay*p.Data[j]
		}
	}
	return norm
}

// rateAt is the learning rate of step t of n: a linear warm-up, then half a
// cosine down to a hundredth of peak.
func rateAt(t, n int, peak float64) float64 {
	warm := min(100, max(1, n/10))
	if t <= warm {
		return peak * float64(t) / float64(warm)
	}
	done := float64(t-warm) / float64(max(1, n-warm))
	return peak * (0.01 + 0.99*(1+math.Cos(math.Pi*done))/2)
}

package runtime

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRoute(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	ln := func(p float64) float32 { return float32(math.Log(p)) }
	odds := func(p float64) float32 { return float32(math.Log(p / (1 - p))) }
	for _, c := range []struct {
		name    string
		rule    routeRule
		scores  []float32
		ids     []int32   // nil: any
		weights []float64 // nil: any
	}{
		{"softmax over all", routeRule{nUsed: 2}, []float32{ln(.2), ln(.5), ln(.3)}, []int32{1, 2}, []float64{.5, .3}},
		{"renormalised", routeRule{nUsed: 2, norm: true}, []float32{ln(.2), ln(.5), ln(.3)}, []int32{1, 2}, []float64{.625, .375}},
		{"scaled", routeRule{nUsed: 2, norm: true, scale: 2.5}, []float32{ln(.5), ln(.2), ln(.3)}, []int32{0, 2}, []float64{.625 * 2.5, .375 * 2.5}},
		{"softmax over the chosen", routeRule{nUsed: 2, score: softmaxChosen}, []float32{5 + ln(.6), 5 + ln(.4), -9}, []int32{0, 1}, []float64{.6, .4}},
		{"sigmoids", routeRule{nUsed: 1, score: sigmoidEach}, []float32{odds(.4), odds(.7), odds(.6)}, []int32{1}, []float64{.7}},
		{"a bias changes the choice only", routeRule{nUsed: 1, score: sigmoidEach, bias: []float32{0, 0, .2}},
			[]float32{odds(.4), odds(.7), odds(.6)}, []int32{2}, []float64{.6}},
		{"the group with the best two, not the best one", routeRule{nUsed: 2, score: sigmoidEach, nGroups: 2, nGroupsUsed: 1},
			[]float32{odds(.9), odds(.1), odds(.1), odds(.6), odds(.7), odds(.2)}, []int32{3, 4}, []float64{.6, .7}},
		{"groups of one", routeRule{nUsed: 1, score: sigmoidEach, nGroups: 3, nGroupsUsed: 2},
			[]float32{odds(.3), odds(.2), odds(.5)}, []int32{2}, []float64{.5}},
		{"equal groups: the first", routeRule{nUsed: 2, score: sigmoidEach, nGroups: 2, nGroupsUsed: 1},
			[]float32{0, 0, 0, 0}, []int32{0, 1}, []float64{.5, .5}},
		{"a weight too small to divide by", routeRule{nUsed: 1, score: sigmoidEach, norm: true},
			[]float32{-60, -70}, []int32{0}, []float64{math.Exp(-60) / minWeightSum}},
		{"no numbers", routeRule{nUsed: 2, norm: true}, []float32{nan, nan, nan}, nil, nil},
		{"no numbers in groups", routeRule{nUsed: 2, score: sigmoidEach, nGroups: 2, nGroupsUsed: 1}, []float32{nan, nan, nan, nan}, nil, nil},
		{"infinities in groups", routeRule{nUsed: 2, score: sigmoidEach, nGroups: 2, nGroupsUsed: 1, bias: []float32{-inf, -inf, -inf, -inf}},
			[]float32{0, 0, 0, 0}, []int32{0, 1}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			ids, weights := make([]int32, c.rule.nUsed), make([]float32, c.rule.nUsed)
			c.rule.route(ids, weights, c.scores, make([]float32, len(c.scores)))
			for i := range ids {
				require.Less(t, ids[i], int32(len(c.scores)))
				if c.ids != nil {
					require.Equal(t, c.ids[i], ids[i])
				}
			}
			for i, want := range c.weights {
				require.InEpsilon(t, want, weights[i], 1e-5)
			}
		})
	}
}

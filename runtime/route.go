package runtime

import (
	"math"

	"inferd/kernels"
)

// routeRule says how a router's scores become a choice of experts.
type routeRule struct {
	nUsed int // experts chosen for each token
	score scoring
	norm  bool    // the chosen experts' weights are divided by their sum
	scale float32 // multiplies the weights; 0 means 1

	// The best nGroupsUsed of nGroups groups of experts, by the sum of their two
	// best, are chosen first; where there is one group, or none, all are.
	nGroups, nGroupsUsed int

	bias []float32 // [nExperts] added for the choice, not to the weights; or nil
}

// scoring is how a router's outputs become probabilities.
type scoring uint8

const (
	softmaxAll    scoring = iota // softmax over all experts
	softmaxChosen                // softmax over those chosen by their outputs
	sigmoidEach
)

// minWeightSum keeps the division by the sum of weights finite; it is the least
// normal float16, as in the engine these models are compared with.
const minWeightSum = 0x1p-14

// Routing is the choice of experts for each token of a step.
type Routing struct {
	nUsed   int
	ids     []int32   // [nTokens, nUsed] ascending for each token
	weights []float32 // [nTokens, nUsed]
}

// route chooses the experts of one token. It overwrites probs, the router's
// outputs, and choice, which is as long.
func (r *routeRule) route(ids []int32, weights, probs, choice []float32) {
	switch r.score {
	case softmaxAll:
		kernels.Softmax(probs, probs)
	case sigmoidEach:
		kernels.Activate(probs, probs, kernels.Sigmoid)
	}
	copy(choice, probs)
	if r.bias != nil {
		kernels.Add(choice, choice, r.bias)
	}
	if r.nGroups > 1 {
		r.dropGroups(choice)
	}
	n := kernels.TopK(ids, choice)
	for ; n < len(ids); n++ { // scores that are no numbers: any choice will do
		ids[n] = int32(n)
	}
	sortIDs(ids)
	for i, id := range ids {
		weights[i] = probs[id]
	}
	r.weigh(weights)
}

// weigh turns the chosen experts' probabilities into weights.
func (r *routeRule) weigh(weights []float32) {
	if r.score == softmaxChosen {
		kernels.Softmax(weights, weights)
	}
	if r.norm {
		sum := float32(0)
		for _, w := range weights {
			sum += w
		}
		sum = max(sum, minWeightSum)
		for i := range weights {
			weights[i] /= sum
		}
	}
	if r.scale != 0 {
		kernels.Scale(weights, weights, r.scale)
	}
}

// dropGroups excludes the experts of all groups but the best ones.
func (r *routeRule) dropGroups(choice []float32) {
	size := len(choice) / r.nGroups
	for range r.nGroups - r.nGroupsUsed {
		worst, least := -1, float32(math.Inf(1))
		for g := r.nGroups - 1; g >= 0; g-- { // of equals the last goes first
			if group := choice[g*size : (g+1)*size]; !isDropped(group) {
				if s := bestTwo(group); worst < 0 || s < least {
					worst, least = g, s
				}
			}
		}
		if worst < 0 {
			return // scores that are no numbers
		}
		for i := range choice[worst*size : (worst+1)*size] {
			choice[worst*size+i] = dropped
		}
	}
}

// dropped stands for the probability of an expert that must not be chosen.
var dropped = float32(math.Inf(-1))

func isDropped(group []float32) bool { return group[0] == dropped }

// bestTwo is the sum of the two largest elements, or the only one.
func bestTwo(x []float32) float32 {
	first, second := x[0], dropped
	for _, v := range x[1:] {
		if v > first {
			first, second = v, first
		} else if v > second {
			second = v
		}
	}
	if second == dropped {
		return first
	}
	return first + second
}

// sortIDs sorts a handful of ids in place.
func sortIDs(ids []int32) {
	for i := 1; i < len(ids); i++ {
		for j := i; j > 0 && ids[j] < ids[j-1]; j-- {
			ids[j], ids[j-1] = ids[j-1], ids[j]
		}
	}
}

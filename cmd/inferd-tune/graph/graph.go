package graph

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// blocked is added to the score of a position that must not be seen.
const blocked = -1e9

// Graph is a compiled model over batches of nRows rows of nTok tokens. It
// belongs to one goroutine; graphs may share the data of their parameters.
type Graph struct {
	c           Config
	nRows, nTok int
	vm          G.VM
	params      G.Nodes
	grads       bool

	tokens, targets, mask []float32 // inputs, one-hot or additive
	logits, hidden, loss  G.Value
}

// Batch is the input of one run, row after row.
type Batch struct {
	Tokens []int32 // [nRows·nTok]
	// Docs numbers the document a token belongs to; a token sees earlier ones
	// of its own document only. Nil: each row is one document.
	Docs []int32
	// Targets are the tokens to predict and Weights their share of the loss
	// (0: none). Both nil: the loss is not used.
	Targets []int32
	Weights []float32
}

// New compiles the model: for the loss and its gradients, or else for logits
// and hidden states. params are all of c.Params, in any order.
func New(c Config, params []Param, nRows, nTok int, grads bool) (*Graph, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	g := &Graph{c: c, nRows: nRows, nTok: nTok, grads: grads}
	nPos, group := nRows*nTok, c.NHeads/c.NKVHeads
	g.tokens = make([]float32, nPos*c.NVocab)
	g.targets = make([]float32, nPos*c.NVocab)
	g.mask = make([]float32, nRows*c.NHeads*nTok*nTok)

	b := &builder{Config: c, g: G.NewGraph(), nRows: nRows, nTok: nTok, nPos: nPos, params: map[string]*G.Node{}}
	for _, p := range params {
		n := b.node(p.Name, p.Data, p.Shape[0], p.Shape[1])
		b.params[p.Name] = n
		g.params = append(g.params, n)
	}
	b.constants()
	b.mask = b.node("mask", g.mask, nRows*c.NKVHeads, group*nTok, nTok)
	logits, hidden := b.logits(b.node("tokens", g.tokens, nPos, c.NVocab))
	var options []G.VMOpt
	if !grads {
		G.Read(logits, &g.logits)
		G.Read(hidden, &g.hidden)
	} else {
		logProbs := G.Must(G.LogSoftMax(logits, 1))
		loss := G.Must(G.Neg(G.Must(G.Sum(had(logProbs, b.node("targets", g.targets, nPos, c.NVocab))))))
		G.Read(loss, &g.loss)
		if _, err := G.Grad(loss, g.params...); err != nil {
			return nil, fmt.Errorf("graph: deriving the loss: %w", err)
		}
		options = append(options, G.BindDualValues(g.params...))
	}
	if err := checkHashes(b.g); err != nil {
		return nil, err
	}
	g.vm = G.NewTapeMachine(b.g, options...)
	return g, nil
}

// checkHashes refuses a graph in which two nodes have one hash: the compiler
// would take them for the same computation and give a wrong result.
func checkHashes(g *G.ExprGraph) error {
	seen := map[uint32]*G.Node{}
	for _, n := range g.AllNodes() {
		if o, ok := seen[n.Hashcode()]; ok && o != n {
			return fmt.Errorf("graph: nodes %v and %v have the same hash %#x", o, n, n.Hashcode())
		}
		seen[n.Hashcode()] = n
	}
	return nil
}

// Close frees the machine.
func (g *Graph) Close() error { return g.vm.Close() }

// Run computes a batch. Gradients of an earlier run are forgotten.
func (g *Graph) Run(in Batch) error {
	g.fill(in)
	for _, p := range g.params {
		// The machine adds to what is there; before the first run, nothing is.
		if grad, err := p.Grad(); err == nil && grad != nil {
			clear(grad.Data().([]float32))
		}
	}
	g.vm.Reset()
	if err := g.vm.RunAll(); err != nil {
		return fmt.Errorf("graph: running: %w", err)
	}
	return nil
}

func (g *Graph) fill(in Batch) {
	clear(g.tokens)
	clear(g.targets)
	for i, tok := range in.Tokens {
		g.tokens[i*g.c.NVocab+int(tok)] = 1
		if in.Targets != nil {
			g.targets[i*g.c.NVocab+int(in.Targets[i])] = in.Weights[i]
		}
	}
	perRow := g.c.NHeads * g.nTok * g.nTok
	for r := range g.nRows {
		row := g.mask[r*perRow : (r+1)*perRow]
		first := row[:g.nTok*g.nTok]
		for i := range g.nTok {
			for j := range g.nTok {
				p := r * g.nTok
				seen := j <= i && (in.Docs == nil || in.Docs[p+i] == in.Docs[p+j])
				first[i*g.nTok+j] = blocked
				if seen {
					first[i*g.nTok+j] = 0
				}
			}
		}
		for h := 1; h < g.c.NHeads; h++ {
			copy(row[h*g.nTok*g.nTok:], first)
		}
	}
}

// Loss is the last run's weighted sum of -log p(target). Only with grads.
func (g *Graph) Loss() float32 { return g.loss.Data().(float32) }

// Logits are the last run's, [nRows·nTok, nVocab]. Only without grads.
func (g *Graph) Logits() []float32 { return g.logits.Data().([]float32) }

// Hidden is the last run's normed output of the last layer,
// [nRows·nTok, dim]. Only without grads.
func (g *Graph) Hidden() []float32 { return g.hidden.Data().([]float32) }

// Grad is the last run's gradient of parameter i, in the order given to New,
// valid until the next run.
func (g *Graph) Grad(i int) []float32 {
	v, err := g.params[i].Grad()
	if err != nil {
		panic(fmt.Sprintf("graph: parameter %v has no gradient: %v", g.params[i], err))
	}
	return v.Data().([]float32)
}

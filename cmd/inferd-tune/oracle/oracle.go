package oracle

import (
	"encoding/binary"
	"fmt"
	"math"

	"inferd/cmd/inferd-tune/graph"
	"inferd/gguf"
)

// Load reads a llama model with F32 or Q8_0 tensors.
func Load(path string) (graph.Config, []graph.Param, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return graph.Config{}, nil, err
	}
	defer f.Close()
	c, err := readConfig(f)
	if err != nil {
		return c, nil, fmt.Errorf("oracle: %s: %w", path, err)
	}
	params := c.Params()
	for _, p := range params {
		if err := readParam(f, p); err != nil {
			return c, nil, fmt.Errorf("oracle: %s: %w", path, err)
		}
	}
	return c, params, nil
}

func readConfig(f *gguf.File) (graph.Config, error) {
	var c graph.Config
	arch, err := f.String("general.architecture")
	if err != nil {
		return c, err
	}
	if arch != "llama" {
		return c, fmt.Errorf("architecture %q is not llama", arch)
	}
	for key, dst := range map[string]*int{
		"embedding_length": &c.Dim, "block_count": &c.NLayers, "feed_forward_length": &c.FFNDim,
		"attention.head_count": &c.NHeads, "attention.head_count_kv": &c.NKVHeads, "vocab_size": &c.NVocab,
	} {
		n, err := f.Uint("llama." + key)
		if err != nil {
			return c, err
		}
		*dst = int(n)
	}
	eps, err := f.Float("llama.attention.layer_norm_rms_epsilon")
	if err != nil {
		return c, err
	}
	c.Eps = float32(eps)
	if c.RopeBase, err = f.Float("llama.rope.freq_base"); err != nil {
		return c, err
	}
	_, untied := f.Tensor("output.weight")
	c.Tied = !untied
	return c, c.Validate()
}

// readParam fills p; the file has a matrix with a row for each output.
func readParam(f *gguf.File, p graph.Param) error {
	info, ok := f.Tensor(p.Name)
	if !ok {
		return fmt.Errorf("tensor %q is missing", p.Name)
	}
	raw, err := f.TensorBytes(info)
	if err != nil {
		return err
	}
	values, err := decode(raw, info.Type)
	if err != nil {
		return fmt.Errorf("tensor %q: %w", p.Name, err)
	}
	if len(values) != len(p.Data) {
		return fmt.Errorf("tensor %q has %d values, expected %d", p.Name, len(values), len(p.Data))
	}
	if p.IsGain() || p.Name == "token_embd.weight" {
		copy(p.Data, values)
		return nil
	}
	in, out := p.Shape[0], p.Shape[1]
	for i := range p.Data {
		p.Data[i] = values[i%out*in+i/out]
	}
	return nil
}

// decode is written out here, and not taken from package kernels, so that the
// oracle stands on its own (ggml block_q8_0: float16 scale, 32 int8).
func decode(raw []byte, t gguf.Type) ([]float32, error) {
	var values []float32
	switch t {
	case gguf.F32:
		for ; len(raw) > 0; raw = raw[4:] {
			values = append(values, math.Float32frombits(binary.LittleEndian.Uint32(raw)))
		}
	case gguf.Q8_0:
		for ; len(raw) > 0; raw = raw[34:] {
			scale := half(binary.LittleEndian.Uint16(raw))
			for _, q := range raw[2:34] {
				values = append(values, scale*float32(int8(q)))
			}
		}
	default:
		return nil, fmt.Errorf("type %v, expected F32 or Q8_0", t)
	}
	return values, nil
}

// half widens a float16; scales are finite.
func half(h uint16) float32 {
	sign, exponent, mantissa := h>>15, int(h>>10&31), float64(h&1023)
	x := math.Ldexp(mantissa, -24)
	if exponent > 0 {
		x = math.Ldexp(1024+mantissa, exponent-25)
	}
	if sign != 0 {
		x = -x
	}
	return float32(x)
}

// Logits runs the model over one row of tokens and returns [len(tokens),
// nVocab].
func Logits(c graph.Config, params []graph.Param, tokens []int32) ([]float32, error) {
	g, err := graph.New(c, params, 1, len(tokens), false)
	if err != nil {
		return nil, err
	}
	defer g.Close()
	if err := g.Run(graph.Batch{Tokens: tokens}); err != nil {
		return nil, err
	}
	return g.Logits(), nil
}

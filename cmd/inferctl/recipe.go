package main

import (
	"fmt"
	"slices"
	"strings"

	"inferd/gguf"
)

// recipe says of which types a quantised file is: one for most matrices, and
// better ones for those that matter most. Names and choices are those of
// llama.cpp's llama-quantize (src/llama-quant.cpp), so that a file of a name
// has the size and the quality that people expect of it.
type recipe struct {
	name     string
	fileType uint32 // general.file_type (llama.h, enum llama_ftype)
	base     gguf.Type
}

var recipes = []recipe{
	{"F32", 0, gguf.F32},
	{"F16", 1, gguf.F16},
	{"BF16", 32, gguf.BF16},
	{"Q8_0", 7, gguf.Q8_0},
	{"Q6_K", 18, gguf.Q6_K},
	{"Q5_K_M", 17, gguf.Q5_K},
	{"Q5_K_S", 16, gguf.Q5_K},
	{"Q5_1", 9, gguf.Q5_1},
	{"Q5_0", 8, gguf.Q5_0},
	{"Q4_K_M", 15, gguf.Q4_K},
	{"Q4_K_S", 14, gguf.Q4_K},
	{"Q4_1", 3, gguf.Q4_1},
	{"Q4_0", 2, gguf.Q4_0},
	{"IQ4_NL", 25, gguf.IQ4_NL},
	{"IQ4_XS", 30, gguf.IQ4_XS},
	{"Q3_K_L", 13, gguf.Q3_K},
	{"Q3_K_M", 12, gguf.Q3_K},
	{"Q3_K_S", 11, gguf.Q3_K},
	{"Q2_K", 10, gguf.Q2_K},
}

// findRecipe returns the recipe of a name in any case; Q4_K is short for Q4_K_M.
func findRecipe(name string) (recipe, error) {
	name = strings.ToUpper(name)
	switch name {
	case "Q3_K", "Q4_K", "Q5_K":
		name += "_M"
	}
	names := make([]string, len(recipes))
	for i, r := range recipes {
		if names[i] = r.name; r.name == name {
			return r, nil
		}
	}
	return recipe{}, usagef("", "%q is no type to convert to; one of %s", name, strings.Join(names, ", "))
}

// chooser chooses the types of a file's tensors.
type chooser struct {
	recipe
	arch          string
	nLayers       int
	nExperts      int
	groupSize     int // query heads of a key and value head
	nValues       int // tensors that hold matrices of values
	tied          bool
	hasImportance bool
	counts        map[string]int // tensors seen, by kind
}

func newChooser(r recipe, f *gguf.File, hasImportance bool) *chooser {
	c := &chooser{recipe: r, hasImportance: hasImportance, counts: map[string]int{}, groupSize: 1}
	c.arch, _ = f.String("general.architecture")
	number := func(key string) int {
		n, _ := f.Uint(c.arch + "." + key) // absent, or one for each layer: as good as none
		return int(n)
	}
	c.nLayers, c.nExperts = number("block_count"), number("expert_count")
	if kv := number("attention.head_count_kv"); kv > 0 {
		c.groupSize = number("attention.head_count") / kv
	}
	_, untied := f.Tensor("output.weight")
	c.tied = !untied
	for _, t := range f.Tensors() {
		for _, kind := range []string{"attn_v.weight", "attn_qkv.weight", "attn_kv_b.weight"} {
			if strings.Contains(t.Name, kind) {
				c.nValues++
			}
		}
	}
	return c
}

// exact is what the names of matrices contain that are small, or looked up, or
// lead to wrong choices when they are a little off.
var exact = []string{
	"_norm.weight", "ffn_gate_inp", "ffn_gate_tid2eid", "altup", "laurel", "per_layer_model_proj",
	"position_embd", "token_types", "ssm_conv1d", "shortconv.conv", "attn_rel_b", "time_mix",
}

// choose returns the type that a tensor is to have. Tensors are asked for in
// the order of their layers.
func (c *chooser) choose(t gguf.TensorInfo) gguf.Type {
	nDims := 0
	for i, d := range t.Dims {
		if d > 1 {
			nDims = i + 1
		}
	}
	isExact := func(part string) bool { return strings.Contains(t.Name, part) }
	if nDims < 2 || !strings.HasSuffix(t.Name, "weight") || slices.ContainsFunc(exact, isExact) {
		return t.Type
	}
	return fitting(c.mixed(t), t.Dims[0])
}

// fitting returns a type of like precision into whose blocks rows of n values
// can be divided.
func fitting(typ gguf.Type, n int) gguf.Type {
	if n%typ.BlockLen() == 0 {
		return typ
	}
	switch typ {
	case gguf.Q2_K, gguf.Q3_K, gguf.IQ4_XS:
		typ = gguf.IQ4_NL
	case gguf.Q4_K:
		typ = gguf.Q5_0
	case gguf.Q5_K:
		typ = gguf.Q5_1
	case gguf.Q6_K:
		typ = gguf.Q8_0
	}
	if n%typ.BlockLen() != 0 {
		return gguf.F16
	}
	return typ
}

// mixed returns the recipe's type for a matrix.
func (c *chooser) mixed(t gguf.TensorInfo) gguf.Type {
	if c.base.BlockLen() == 1 {
		return c.base
	}
	has := func(part string) bool { return strings.Contains(t.Name, part) }
	switch {
	case t.Name == "output.weight" || c.tied && t.Name == "token_embd.weight":
		return c.output(t)
	case has("attn_v.weight"), has("attn_kv_b.weight"):
		return c.values(c.next(t, "attn_v"), c.nValues)
	case has("attn_k.weight") && c.nExperts == 8:
		return gguf.Q8_0
	case has("ffn_down"):
		return c.down(c.next(t, "ffn_down"), c.nLayers)
	case has("attn_output.weight"):
		return c.attnOutput()
	case has("attn_qkv.weight"):
		return c.pick(choices{"Q3_K_M": gguf.Q4_K, "Q3_K_L": gguf.Q4_K, "Q4_K_M": gguf.Q5_K, "Q5_K_M": gguf.Q6_K})
	}
	return c.base
}

// next returns the number of a tensor among those of its kind, which is that of
// its layer where a layer has several.
func (c *chooser) next(t gguf.TensorInfo, kind string) int {
	var layer int
	if _, err := fmt.Sscanf(t.Name, "blk.%d.", &layer); err == nil && kind == "ffn_down" && c.nExperts > 1 {
		return layer
	}
	c.counts[kind]++
	return c.counts[kind] - 1
}

// choices are a recipe's own types for some kind of matrix.
type choices map[string]gguf.Type

// pick returns the recipe's choice, or else the type of most matrices.
func (c *chooser) pick(m choices) gguf.Type {
	if typ, ok := m[c.name]; ok {
		return typ
	}
	return c.base
}

// isOuter reports whether number i of n is in the first or last eighth, or every
// third between them: where errors do most harm.
func isOuter(i, n int) bool { return i < n/8 || i >= 7*n/8 || (i-n/8)%3 == 2 }

func (c *chooser) output(t gguf.TensorInfo) gguf.Type {
	if c.base == gguf.Q8_0 || c.arch == "falcon" || t.Dims[0]%c.base.BlockLen() != 0 {
		return gguf.Q8_0
	}
	return gguf.Q6_K
}

func (c *chooser) values(i, n int) gguf.Type {
	own := choices{"Q2_K": gguf.Q3_K, "Q3_K_M": gguf.Q4_K, "Q3_K_L": gguf.Q5_K}
	if i < 2 {
		own["Q3_K_M"] = gguf.Q5_K
	}
	if i < 4 {
		own["Q4_K_S"] = gguf.Q5_K
	}
	if isOuter(i, n) {
		own["Q4_K_M"], own["Q5_K_M"] = gguf.Q6_K, gguf.Q6_K
	}
	if c.groupSize >= 4 {
		own["Q2_K"], own["IQ4_NL"], own["IQ4_XS"] = gguf.Q4_K, gguf.Q5_K, gguf.Q5_K
	}
	typ := c.pick(own)
	if c.nLayers == 80 && c.groupSize > 1 && (typ == gguf.Q3_K || typ == gguf.Q4_K) {
		typ = gguf.Q5_K // of 70B models: small matrices, much used
	}
	if c.nExperts == 8 {
		typ = gguf.Q8_0
	}
	return typ
}

func (c *chooser) down(i, n int) gguf.Type {
	own := choices{"Q2_K": gguf.Q3_K, "Q3_K_M": gguf.Q4_K, "Q3_K_L": gguf.Q5_K}
	outer := gguf.Q6_K
	if c.arch == "falcon" {
		own["Q3_K_L"], outer = gguf.Q4_K, gguf.Q5_K
		if !isOuter(i, n) {
			own["Q3_K_M"] = gguf.Q3_K
		}
	}
	if isOuter(i, n) {
		own["Q4_K_M"], own["Q5_K_M"] = outer, gguf.Q6_K
	}
	if i < n/8 {
		switch {
		case c.hasImportance:
			own["Q4_0"], own["Q5_0"] = gguf.Q4_1, gguf.Q5_1
		default:
			own["IQ4_NL"], own["IQ4_XS"] = gguf.Q5_K, gguf.Q5_K
		}
		if c.arch != "falcon" {
			own["Q4_K_S"] = gguf.Q5_K
		}
	}
	if i < n/16 {
		own["Q3_K_M"] = gguf.Q5_K
		own["Q4_K_M"] = gguf.Q6_K
	}
	return c.pick(own)
}

func (c *chooser) attnOutput() gguf.Type {
	switch {
	case c.arch == "falcon":
		return c.pick(choices{"Q3_K_L": gguf.Q4_K})
	case c.nExperts == 8:
		return c.pick(choices{
			"Q2_K": gguf.Q5_K, "Q3_K_S": gguf.Q5_K, "Q3_K_M": gguf.Q5_K, "Q3_K_L": gguf.Q3_K,
			"Q4_K_S": gguf.Q5_K, "Q4_K_M": gguf.Q5_K, "IQ4_NL": gguf.Q5_K, "IQ4_XS": gguf.Q5_K,
		})
	}
	return c.pick(choices{"Q2_K": gguf.Q3_K, "Q3_K_M": gguf.Q4_K, "Q3_K_L": gguf.Q5_K})
}

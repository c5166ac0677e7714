package runtime

import (
	"cmp"
	"errors"
	"slices"

	"inferd/gguf"
	"inferd/tokenizer"
)

// Info describes a model file. Fields that the file does not tell are zero.
type Info struct {
	Path         string `json:"path"`
	Name         string `json:"name,omitempty"`
	Architecture string `json:"architecture"`
	License      string `json:"license,omitempty"`
	SourceURL    string `json:"source_url,omitempty"`

	FileBytes   int64     `json:"file_bytes"` // of all parts
	NParts      int       `json:"parts"`
	GGUFVersion int       `json:"gguf_version"`
	NTensors    int       `json:"tensors"`
	NParams     int64     `json:"parameters"`
	Types       []TypeUse `json:"types"` // by bytes, most first
	// Quantisation is the type that most of the bytes have, such as "Q4_K".
	Quantisation string `json:"quantisation"`

	NCtxTrain    int `json:"context_length,omitempty"`
	Dim          int `json:"embedding_length,omitempty"`
	NLayers      int `json:"layers,omitempty"`
	NHeads       int `json:"heads,omitempty"`
	NKVHeads     int `json:"kv_heads,omitempty"`
	HeadDim      int `json:"head_dim,omitempty"`
	FFNDim       int `json:"feed_forward_length,omitempty"`
	NExperts     int `json:"experts,omitempty"`
	NExpertsUsed int `json:"experts_used,omitempty"`

	TokenizerModel  string `json:"tokenizer_model,omitempty"`
	TokenizerPre    string `json:"tokenizer_pre,omitempty"`
	NVocab          int    `json:"vocab_size,omitempty"`
	HasChatTemplate bool   `json:"has_chat_template"`

	// Pooling is how a model that was trained for embeddings makes one vector of
	// a text's: "mean", "cls", "last" or "rank"; "" where it was not.
	Pooling string `json:"pooling,omitempty"`

	// Memory is what loading takes; zero where the model cannot be loaded.
	Memory Memory `json:"memory"`
	// Problem says why the model cannot be loaded, "" where it can.
	Problem string `json:"problem,omitempty"`
}

// TypeUse is how much of a file is of one tensor type.
type TypeUse struct {
	Type     string `json:"type"`
	NTensors int    `json:"tensors"`
	Bytes    int64  `json:"bytes"`
}

// Memory is what a loaded model takes, in bytes.
type Memory struct {
	WeightBytes  int64  `json:"weight_bytes"`
	KVBytes      int64  `json:"kv_bytes"`      // the whole budget, recurrent states included; touched as it is used
	ScratchBytes int64  `json:"scratch_bytes"` // steps that want many rows of logits take more for a while
	NCtx         int    `json:"context"`       // tokens a session may hold
	KVPageBytes  int    `json:"kv_page_bytes"`
	KVPageTokens int    `json:"kv_page_tokens"`
	KVType       string `json:"kv_type"`
	StateBytes   int    `json:"state_bytes,omitempty"` // of a recurrent state, of which each session has one
}

// TotalBytes is the sum of all parts.
func (m Memory) TotalBytes() int64 { return m.WeightBytes + m.KVBytes + m.ScratchBytes }

// Inspect describes a model without loading it. A file that is not a readable
// GGUF file is an error; a model that this package cannot run is not: Problem
// says why.
func Inspect(path string, o Options) (Info, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return Info{}, err
	}
	defer f.Close()
	return InspectFile(f, o)
}

// InspectFile is Inspect of a file that is open.
func InspectFile(f *gguf.File, o Options) (Info, error) {
	if err := o.check(); err != nil {
		return Info{}, err
	}
	p, err := newPlan(f, o)
	if err != nil {
		if _, isParam := errors.AsType[*ParamError](err); isParam {
			return Info{}, err
		}
		p.info.Problem = err.Error()
	}
	return p.info, nil
}

// describe fills in what the file alone tells.
func describe(f *gguf.File) Info {
	text := func(key string) string { s, _ := f.String(key); return s } // absent or odd: not told
	info := Info{
		Path:           f.Path(),
		Name:           text("general.name"),
		Architecture:   text("general.architecture"),
		License:        text("general.license"),
		SourceURL:      text("general.source.url"),
		FileBytes:      f.Size(),
		NParts:         len(f.Paths()),
		GGUFVersion:    f.Version(),
		TokenizerModel: text(vocabPrefix + "model"),
		TokenizerPre:   text(vocabPrefix + "pre"),
	}
	if kv, ok := f.KeyValue(vocabPrefix + "tokens"); ok && kv.Type == gguf.Array {
		info.NVocab = kv.Len()
	}
	_, info.HasChatTemplate = f.KeyValue("tokenizer.chat_template")
	for _, t := range f.Tensors() {
		info.NTensors++
		info.NParams += int64(t.Elements())
		info.addType(t.Type.String(), t.Bytes)
	}
	slices.SortFunc(info.Types, func(a, b TypeUse) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Type, b.Type))
	})
	if len(info.Types) > 0 {
		info.Quantisation = info.Types[0].Type
	}
	return info
}

func (info *Info) addType(name string, nBytes int64) {
	i := slices.IndexFunc(info.Types, func(u TypeUse) bool { return u.Type == name })
	if i < 0 {
		i = len(info.Types)
		info.Types = append(info.Types, TypeUse{Type: name})
	}
	info.Types[i].NTensors++
	info.Types[i].Bytes += nBytes
}

// setConfig fills in what the checked hyper-parameters tell.
func (info *Info) setConfig(c *config, t *tokenizer.Tokenizer) {
	info.NCtxTrain, info.Dim, info.NLayers = c.nCtxTrain, c.dim, c.nLayers
	info.NHeads, info.NKVHeads, info.HeadDim, info.FFNDim = c.nHeads, c.nKVHeads, c.headDim, c.ffnDim
	info.NExperts, info.NExpertsUsed = c.nExperts, c.nExpertsUsed
	info.NVocab = t.NVocab()
	info.Pooling = c.pooling.String()
}

package ask

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	"inferd/daemon/serve"
	"inferd/runtime"
)

// ReceiptVersion is the form of receipts that this program writes and reads.
const ReceiptVersion = 1

// Receipt says how answers came about, so that anybody who has the model and the
// prompts can make them again: every CPU gives the same tokens.
type Receipt struct {
	Version     int    `json:"version"`
	Created     int64  `json:"created"` // Unix time, which templates may read
	Model       string `json:"model"`   // its name where the answers were made
	Fingerprint string `json:"system_fingerprint"`
	serve.Origin

	Sampling  Sampling        `json:"sampling"`
	Stop      []string        `json:"stop,omitempty"`
	Show      []runtime.Token `json:"show,omitempty"` // control tokens that stop strings can see
	IgnoreEOS bool            `json:"ignore_eos,omitempty"`
	Format    *FormatSource   `json:"format,omitempty"` // what answers had to look like

	Prompts []ReceiptPrompt `json:"prompts"`
	Answers []ReceiptAnswer `json:"answers"`
}

// Sampling is runtime.SamplingParams as JSON, without the seed.
type Sampling struct {
	Temperature      float32             `json:"temperature"`
	TopK             int                 `json:"top_k"`
	TopP             float32             `json:"top_p"`
	MinP             float32             `json:"min_p"`
	RepeatPenalty    float32             `json:"repeat_penalty"`
	RepeatLastN      int                 `json:"repeat_last_n"`
	FrequencyPenalty float32             `json:"frequency_penalty"`
	PresencePenalty  float32             `json:"presence_penalty"`
	LogitBias        []runtime.TokenBias `json:"logit_bias,omitempty"`
}

// ReceiptPrompt tells a prompt without telling what it says.
type ReceiptPrompt struct {
	SHA256  string `json:"sha256"` // see PromptSum
	NTokens int    `json:"n_tokens"`
}

// ReceiptAnswer is one answer.
type ReceiptAnswer struct {
	Prompt    int             `json:"prompt"` // index in Receipt.Prompts
	Seed      int64           `json:"seed"`   // the bits of the seed that was used
	MaxTokens int             `json:"max_tokens"`
	Tokens    []runtime.Token `json:"tokens"` // the one that ended the answer included
	Finish    string          `json:"finish"` // of runtime.FinishReason
}

// PromptSum is the SHA-256 of a prompt's token ids, each as 32 bits with the
// lowest byte first, in hexadecimal.
func PromptSum(tokens []runtime.Token) string {
	h := sha256.New()
	var b [4]byte
	for _, t := range tokens {
		binary.LittleEndian.PutUint32(b[:], uint32(t))
		_, _ = h.Write(b[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// begin notes what is known before there is an answer.
func (r *Receipt) begin(m serve.Model, p *Params) {
	o := p.Generation
	*r = Receipt{
		Version:     ReceiptVersion,
		Created:     time.Now().Unix(),
		Model:       m.Name(),
		Fingerprint: m.Fingerprint(),
		Origin:      m.Origin(),
		Sampling: Sampling{
			o.Sampling.Temperature, o.Sampling.TopK, o.Sampling.TopP, o.Sampling.MinP,
			o.Sampling.RepeatPenalty, o.Sampling.RepeatLastN,
			o.Sampling.FrequencyPenalty, o.Sampling.PresencePenalty, o.Sampling.LogitBias,
		},
		Stop:      o.Stop,
		Show:      o.Show,
		IgnoreEOS: o.IgnoreEOG,
		Format:    p.Format.Source(),
	}
}

// Options returns the parameters of answer i, as they were.
func (r *Receipt) Options(i int) (runtime.GenerationOptions, error) {
	a := &r.Answers[i]
	s := r.Sampling
	o := runtime.GenerationOptions{
		Sampling: runtime.SamplingParams{
			Temperature: s.Temperature, TopK: s.TopK, TopP: s.TopP, MinP: s.MinP,
			RepeatPenalty: s.RepeatPenalty, RepeatLastN: s.RepeatLastN,
			FrequencyPenalty: s.FrequencyPenalty, PresencePenalty: s.PresencePenalty,
			LogitBias: s.LogitBias, Seed: uint64(a.Seed),
		},
		Stop:      r.Stop,
		Show:      r.Show,
		IgnoreEOG: r.IgnoreEOS,
		MaxTokens: a.MaxTokens,
	}
	if r.Format == nil {
		return o, nil
	}
	f, err := r.Format.format()
	if err == nil {
		o.Grammar, err = f.compile()
	}
	return o, err
}

// Check finds what no receipt of this program has.
func (r *Receipt) Check() error {
	switch {
	case r.Version != ReceiptVersion:
		return fmt.Errorf("receipt: version %d, this program reads %d", r.Version, ReceiptVersion)
	case len(r.Prompts) == 0 || len(r.Answers) == 0:
		return fmt.Errorf("receipt: %d prompts and %d answers, expected some", len(r.Prompts), len(r.Answers))
	}
	for i, a := range r.Answers {
		switch {
		case a.Prompt < 0 || a.Prompt >= len(r.Prompts):
			return fmt.Errorf("receipt: answer %d: prompt %d of %d", i, a.Prompt, len(r.Prompts))
		case len(a.Tokens) == 0 || a.MaxTokens < len(a.Tokens):
			return fmt.Errorf("receipt: answer %d: %d tokens, expected 1 to max_tokens %d", i, len(a.Tokens), a.MaxTokens)
		}
	}
	return nil
}

package openai

import (
	"net/http"
	"time"

	"inferd/daemon/members"
	"inferd/daemon/serve"
	"inferd/daemon/wire"
)

// maxClassified bounds the texts of one request.
const maxClassified = 256

// classification is what is said of one text.
type classification struct {
	Object        string             `json:"object"`
	Index         int                `json:"index"`
	Label         *string            `json:"label"` // null: no label is probable enough
	Probabilities []labelProbability `json:"probabilities"`
}

// labelProbability is one label's share; a list keeps the order of the labels.
type labelProbability struct {
	Label       string  `json:"label"`
	Probability float32 `json:"probability"`
}

// classifyRequest is the body of POST /v1/classifications.
type classifyRequest struct {
	model     string
	texts     []string
	threshold float32 // below 0: as the classifier has it
	keepAlive *time.Duration
}

func decodeClassify(o *wire.Object) (r classifyRequest, err error) {
	o.Require("model")
	r.model, _ = o.Str("model")
	o.Require("input")
	if r.texts = o.OneOrMore("input", maxClassified); r.texts == nil {
		o.Fail("invalid_value", "input", "is empty")
	}
	r.threshold = o.Number("threshold", 0, 1, -1)
	r.keepAlive = members.KeepAlive(o)
	return r, o.Close()
}

// classifications answers POST /v1/classifications. It is not one of OpenAI's.
func (a *api) classifications(w http.ResponseWriter, r *http.Request, req classifyRequest) error {
	c, release, err := a.service.FindClassifier(r.Context(), serve.Want{Model: req.model, Endpoint: "classifications", KeepAlive: req.keepAlive})
	if err != nil {
		return err
	}
	defer release()
	threshold := req.threshold
	if threshold < 0 {
		threshold = c.Threshold()
	}
	data := make([]classification, len(req.texts))
	nTokens := 0
	for i, text := range req.texts {
		probs, n, err := c.Classify(r.Context(), text)
		if err != nil {
			return err
		}
		nTokens += n
		data[i] = classified(i, c.Labels(), probs, threshold)
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{
		"object": "list", "model": c.Name(), "data": data,
		"usage": map[string]int{"prompt_tokens": nTokens, "total_tokens": nTokens},
	})
	return nil
}

// classified names the most probable label, if it reaches the threshold.
func classified(index int, labels []string, probs []float32, threshold float32) classification {
	c := classification{Object: "classification", Index: index}
	best := 0
	for i, p := range probs {
		c.Probabilities = append(c.Probabilities, labelProbability{labels[i], p})
		if p > probs[best] {
			best = i
		}
	}
	if probs[best] >= threshold {
		c.Label = &labels[best]
	}
	return c
}

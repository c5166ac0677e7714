package openai

import (
	"encoding/json"
	"net/http"

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

// classifications answers POST /v1/classifications. It is not one of OpenAI's.
func (a *api) classifications(w http.ResponseWriter, r *http.Request) error {
	o, done, err := wire.ParseRequest(r)
	if err != nil {
		return err
	}
	defer done()
	o.Require("model")
	o.Require("input")
	name, _ := o.Str("model")
	texts := readTexts(o, "input")
	threshold := o.Number("threshold", 0, 1, -1)
	if err := o.Close(); err != nil {
		return err
	}
	c, release, err := a.service.FindClassifier(r.Context(), serve.Want{Model: name, Endpoint: "classifications"})
	if err != nil {
		return err
	}
	defer release()
	if threshold < 0 {
		threshold = c.Threshold()
	}
	data := make([]classification, len(texts))
	nTokens := 0
	for i, text := range texts {
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

// readTexts reads a string or an array of strings.
func readTexts(o *wire.Object, member string) []string {
	value := o.Take(member)
	if value == nil {
		return nil
	}
	elements := []json.RawMessage{value}
	if wire.TypeOf(value) == "an array" {
		elements = o.Elements(member, value, maxClassified)
	}
	texts := make([]string, 0, len(elements))
	for _, element := range elements {
		if wire.TypeOf(element) != "a string" {
			o.WrongType(member, "a string or an array of strings", element)
			return nil
		}
		texts = append(texts, wire.Unquote(element))
	}
	return texts
}

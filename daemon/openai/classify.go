package openai

import (
	"encoding/json"
	"net/http"

	"inferd/daemon/serve"
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
func (a *API) classifications(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody(r)
	if err != nil {
		return err
	}
	defer clear(body)
	o := parseBody(body)
	o.require("model")
	o.require("input")
	name, _ := o.str("model")
	texts := readTexts(o, "input")
	threshold := o.number("threshold", 0, 1, -1)
	if err := o.close(); err != nil {
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
	writeJSON(w, http.StatusOK, map[string]any{
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
func readTexts(o *object, member string) []string {
	value := o.take(member)
	if value == nil {
		return nil
	}
	elements := []json.RawMessage{value}
	if typeOf(value) == "an array" {
		elements = o.elements(member, value, maxClassified)
	}
	texts := make([]string, 0, len(elements))
	for _, element := range elements {
		if typeOf(element) != "a string" {
			o.want(member, "a string or an array of strings", element)
			return nil
		}
		texts = append(texts, unquote(element))
	}
	return texts
}

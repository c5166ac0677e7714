package openai

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/daemon/serve"
)

// lengthClassifier tells short texts from long ones.
type lengthClassifier struct{}

func (lengthClassifier) Name() string       { return "length" }
func (lengthClassifier) Labels() []string   { return []string{"short", "long"} }
func (lengthClassifier) Threshold() float32 { return 0.6 }

func (lengthClassifier) Classify(_ context.Context, text string) ([]float32, int, error) {
	long := min(float32(len(text))/10, 1)
	return []float32{1 - long, long}, len(text), nil
}

func TestClassifications(t *testing.T) {
	s, _ := newService(t)
	status, _ := s.post(t, "/v1/classifications", `{"model":"length","input":"x"}`)
	require.Equal(t, http.StatusNotFound, status, "no head is loaded")

	s.classifiers = []serve.Classifier{lengthClassifier{}}
	status, got := s.post(t, "/v1/classifications", `{"model":"length","input":["ab","abcde","abcdefghij"]}`)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, map[string]any{"prompt_tokens": 17.0, "total_tokens": 17.0}, got["usage"])
	var labels []any
	for _, d := range got["data"].([]any) {
		labels = append(labels, d.(map[string]any)["label"])
	}
	require.Equal(t, []any{"short", nil, "long"}, labels, "0.5 is below the threshold")

	status, got = s.post(t, "/v1/classifications", `{"model":"length","input":"abcde","threshold":0.5}`)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "short", got["data"].([]any)[0].(map[string]any)["label"])

	for body, want := range map[string]int{
		`{"model":"other","input":"x"}`:                  http.StatusNotFound,
		`{"model":"length"}`:                             http.StatusBadRequest,
		`{"model":"length","input":5}`:                   http.StatusBadRequest,
		`{"model":"length","input":["a",null]}`:          http.StatusBadRequest,
		`{"model":"length","input":"x","threshold":2}`:   http.StatusBadRequest,
		`{"model":"length","input":"x","temperature":1}`: http.StatusBadRequest,
	} {
		status, _ := s.post(t, "/v1/classifications", body)
		require.Equal(t, want, status, body)
	}
}

package openai

import (
	"encoding/json"

	"inferd/daemon/ask"
)

// usageIn is the usage member of a chunk: absent unless the client asked for
// it, null in all chunks but the last.
type usageIn struct {
	asked bool
	usage *usage
}

// IsZero implements the interface behind omitzero.
func (u usageIn) IsZero() bool { return !u.asked }

// MarshalJSON implements json.Marshaler.
func (u usageIn) MarshalJSON() ([]byte, error) { return json.Marshal(u.usage) }

// usage counts the tokens of a request.
type usage struct {
	PromptTokens     int          `json:"prompt_tokens"`
	CompletionTokens int          `json:"completion_tokens"`
	TotalTokens      int          `json:"total_tokens"`
	PromptDetails    promptDetail `json:"prompt_tokens_details"`

	CompletionDetails completionDetail `json:"completion_tokens_details"`
}

type promptDetail struct {
	CachedTokens int `json:"cached_tokens"`
}

type completionDetail struct {
	ReasoningTokens int `json:"reasoning_tokens"`
}

func usageOf(u ask.Usage) *usage {
	return &usage{
		PromptTokens:     u.NPrompt,
		CompletionTokens: u.NOut,
		TotalTokens:      u.NPrompt + u.NOut,
		PromptDetails:    promptDetail{u.NCached},

		CompletionDetails: completionDetail{u.NReasoning},
	}
}

// finishReason is how the format names the way an answer ended.
func finishReason(f ask.Finish) *string {
	if f == "" {
		return nil
	}
	name := string(f)
	if f == ask.FinishString {
		name = "stop"
	}
	return &name
}

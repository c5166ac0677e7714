package openai

import "inferd/daemon/serve"

// The daemon as this package needs it.
type (
	Service      = serve.Service
	Model        = serve.Model
	Answer       = serve.Answer
	Classifier   = serve.Classifier
	Conversation = serve.Conversation
	Message      = serve.Message
	ToolCall     = serve.ToolCall
	ReplyFormat  = serve.ReplyFormat
)

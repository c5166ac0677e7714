package runtime

import "inferd/tokenizer"

// Message is one turn of a conversation.
type Message struct {
	Role    string
	Content string
}

// NeutralChat lays out a conversation for a model that has no chat template:
// the messages' contents, joined by line feeds, without role labels and with
// nothing after the last. Such a model was not trained on any form of
// conversation, so it is given text to continue. No part of it can become a
// special token.
func NeutralChat(messages []Message) []tokenizer.Segment {
	var segments []tokenizer.Segment
	for i, m := range messages {
		if i > 0 {
			segments = append(segments, tokenizer.Segment{Text: "\n"})
		}
		segments = append(segments, tokenizer.Segment{Text: m.Content})
	}
	return segments
}

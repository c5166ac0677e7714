// Package ask carries out what a request asks of a model, whatever wire format
// it came in: a conversation or plain prompts go in, and events come out, which
// tell text, reasoning and calls of tools apart. It knows neither HTTP nor the
// members of any format.
//
// A handler fills in a Chat (or Params and prompts), begins, and reads:
//
//	answers, err := chat.Begin(ctx, model, grammars)
//	if err != nil {
//		return err // of the client's, or for wire.FaultOf
//	}
//	defer answers.Close()
//	err = answers.Each(event, pause, ping)
//
// Reading order: params.go (what answers have in common), format.go (the form
// that an answer must have), tools.go, chat.go (a conversation becomes a prompt),
// answers.go (several answers at once), parts.go (text, reasoning and calls),
// receipt.go (how answers can be made again), embed.go (vectors of texts).
//
// Decisions:
//
// A prompt that leaves no room for an answer is context_length_exceeded with
// both numbers, never cut. MaxTokens is an upper bound: an answer that meets
// the end of the context before it ends as it would at the bound.
//
// Answer i of a request with a seed draws what a request with seed + i and one
// answer would.
//
// A form that an answer must have is compiled to a grammar which the model
// cannot leave. One that cannot be held exactly is refused.
//
// Tools are offered to models whose chat template takes them and whose form of
// calls is known; for others they are refused. What is no proper call of a tool
// that was offered stays text, so arguments are always a JSON object. They follow
// the tool's schema where the choice leaves the model nothing but a call.
package ask

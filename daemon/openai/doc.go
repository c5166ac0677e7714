// Package openai speaks the OpenAI wire format: chat completions,
// completions and models, with and without streaming.
//
// A request is decoded, validated, handed over as tokens and parameters, and
// the answer is encoded. The package does not know how models work or who
// runs first: Service and Model (api.go) are all it sees of the rest.
//
// Reading order: api.go (what it needs), routes.go (the table), object.go
// (strict JSON), params.go (parameters that both kinds of completion have),
// format.go (JSON and grammars), tools.go (tools and their calls), chat.go and
// completions.go (a request and its answer), answers.go (several answers at
// once), parts.go (text, reasoning and calls), logprobs.go, sse.go (streams),
// models.go, classify.go, errors.go.
//
// Decisions:
//
// Nothing is dropped silently. A parameter that is not implemented, or not
// known, is 400 and named; so is a value of the wrong type or out of range. A
// parameter which has no effect at its value (no tools, one kind of modality)
// is accepted, and null means that a parameter is absent. Parameters that
// only label a request (user, metadata, prompt_cache_key) are accepted.
//
// A prompt that leaves no room for an answer is 400
// context_length_exceeded with both numbers, never cut. max_tokens is an upper
// bound: an answer that meets the end of the context before it says
// finish_reason "length", as it would at the bound.
//
// Streaming is decided by the body's "stream" alone, since clients send any
// Accept header. The status of a stream is decided when the request has been
// accepted, and the first chunk, which carries the role, is sent then.
//
// Choice i of a request with a seed draws what a request with seed + i and
// one choice would.
//
// A form that an answer must have (response_format, or grammar with GBNF as
// llama.cpp takes it) is compiled to a grammar which the model cannot leave. One
// that cannot be held exactly is 400; "strict" makes no difference.
//
// Tools are offered to models whose chat template takes them and whose form of
// calls is known; for others they are 400. What is no proper call of a tool
// that was offered stays text, so arguments are always a JSON object. They follow
// the tool's schema where tool_choice leaves the model no choice but a call, else
// "strict" does not bind them to it. Reasoning comes as reasoning_content, beside
// the text, and may be sent back so. Other answers are passed on byte for byte.
// Log probabilities are told of all tokens, whatever they became.
//
// Parameters beyond OpenAI's have the names of other servers: top_k, min_p,
// repeat_penalty (also as repetition_penalty), repeat_last_n, ignore_eos.
//
// The text of a raw completion's prompt never becomes a control token; a
// client that wants one sends token ids.
package openai

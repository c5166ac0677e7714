// Package openai speaks the OpenAI wire format: chat completions, completions
// and responses, with and without streaming, embeddings and models; and what
// other servers have added to it.
//
// A request is decoded, validated, handed over to package ask, and the answer is
// encoded. The package does not know how models work or who runs first:
// serve.Service is all it sees of the rest.
//
// Reading order: routes.go (the table), params.go (parameters that both kinds of
// completion have), format.go (JSON and grammars), tools.go (tools and their
// calls), vars.go (what templates are told), chat.go and completions.go (a request
// and its answer), responses.go with responses_input.go and responses_output.go
// (another form of the same), deltas.go (what
// chunks say), prompts.go (texts or tokens), logprobs.go, usage.go, embeddings.go,
// rerank.go, classify.go, tokens.go (what a request's tokens are), prompt.go (the
// same for tools), models.go, errors.go.
//
// Decisions:
//
// Nothing is dropped silently. A parameter that is not implemented, or not
// known, is 400 and named; so is a value of the wrong type or out of range. A
// parameter which has no effect at its value (no tools, one kind of modality)
// is accepted, and null means that a parameter is absent. Parameters that
// only label a request (user, metadata, prompt_cache_key) are accepted, and so
// are hints that say nothing about what is answered (service_tier, prediction).
// reasoning_effort and verbosity are variables of the chat template, as are
// chat_template_kwargs; templates that do not read them are not changed by them.
//
// Responses are not stored: what refers to an earlier one is 400, and every
// answer says "store": false. Reasoning is an item with its text.
//
// A receipt, on request, is told with the end of an answer.
//
// Streaming is decided by the body's "stream" alone, since clients send any
// Accept header. The status of a stream is decided when the request has been
// accepted, and the first chunk, which carries the role, is sent then.
//
// A form that an answer must have is response_format, or grammar with GBNF as
// llama.cpp takes it, or regex with a regular expression of the whole answer, or
// one of the other names that servers have for these, for schemas and for lists
// of choices (format.go); "strict" makes no difference.
//
// Reasoning comes as reasoning_content, beside the text, and may be sent back
// so. Other answers are passed on byte for byte. Log probabilities
// are told of all tokens, whatever they became.
//
// Parameters beyond OpenAI's have the names of other servers: top_k, min_p,
// repeat_penalty (also as repetition_penalty), repeat_last_n, ignore_eos,
// keep_alive. What a request leaves open of how tokens are chosen is as the
// model's settings have it.
//
// Other parameters of theirs are accepted at the value that asks for nothing
// special, and so are cache_prompt, id_slot and priority, which no answer shows.
//
// Vectors have the length one. They are cut to "dimensions" where the model was
// trained for that, else the parameter is 400. Relevance is a probability unless
// "raw_scores" asks for what the model says.
//
// The text of a raw completion's prompt never becomes a control token; a
// client that wants one sends token ids.
package openai

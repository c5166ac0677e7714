// Package ollama speaks the Ollama wire format: chat and generate, the lists of
// models, and what programs say before and after.
//
// Reading order: ollama.go (the routes), request.go (what chat and generate
// have in common), messages.go (conversations and tools), chat.go, generate.go,
// answer.go (an answer, at once or line by line), logprobs.go, embed.go, models.go, pull.go.
//
// Decisions:
//
// Errors are {"error": "text"}, as clients take nothing else. What is not
// implemented, or not known, is 400 and named, in options too, which Ollama only
// warns of in its log.
//
// Defaults are those of the model's settings, then Ollama's (temperature 0.8, top_k
// 40, top_p 0.9), as are the meanings of -1. A request that names no seed, or -1, draws a random one.
//
// Names of OpenAI's that clients put beside the options are heeded: temperature,
// top_p, max_output_tokens and tool_choice.
//
// adapter chooses adapters as it does in OpenAI's format here.
//
// num_ctx caps the context of one request and never loads a model again; one
// above the model's own has no effect. A prompt that does not fit is 400 with
// both numbers, whatever truncate and shift say: nothing is ever cut, and an
// answer that meets the end of the context is done for "length".
//
// Options about how to compute (num_thread, num_gpu, num_batch, use_mmap and
// the like) and about a context that shifts (num_keep) have no effect on an
// answer and are accepted; those that would change it in ways that there are not
// (mirostat, typical_p, tfs_z) are accepted at the value that changes nothing.
//
// think sets what chat templates read: enable_thinking, and reasoning_effort for
// a level. A model that cannot think takes false only.
//
// The text of a raw prompt never becomes a control token. generate keeps no
// context between requests: none is returned, and one that is sent is 400, like
// suffix, template and images.
//
// Vectors have length 1, those of the older embeddings too. A text that is too
// long for them is 400 as well.
//
// A name may carry the tag :latest. The daemon has no network: a pull succeeds
// at once for a model that is here and fails for any other; push, create, copy
// and delete are 501.
//
// Lines stay below 64 KiB but for calls of tools, which come whole; what a model
// writes in one is bounded at 256 KiB by package reply. Durations are in
// nanoseconds.
package ollama

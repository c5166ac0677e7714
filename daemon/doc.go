// Package daemon is the inferd service: it loads models and serves them on a
// Unix socket.
//
// A request walks through small packages that do not know each other:
//
//	transport   the socket, who is at its other end, limits and deadlines
//	auth        what that user may do
//	openai      requests and answers in the OpenAI dialect
//	ollama      the same in the Ollama dialect
//	anthropic   the same in the Anthropic dialect
//	wire        HTTP and JSON, as all dialects have them
//	ask         what a request asks of a model, whatever its dialect
//	serve       models and answers, as all dialects see them
//	sched       the queue, and which tokens the next step computes
//	runtime     the model
//
//	store       the models on disk
//	memory      how much of it there is
//	audit       records of answers that can be proven
//	private     what was said is not dumped, and forgotten
//
// This package wires them. Reading order: config.go, settings.go (what can be
// set), daemon.go (start, serve, drain, stop), reload.go (what happens
// meanwhile), find.go (the model that a request is for), registry.go (loaded
// models), room.go (memory for them), load.go (one model from its file), model.go
// (a loaded model as serve describes it), engine.go (as sched drives it),
// generate.go (one request's way through sched and back), record.go (what is told
// of it), embed.go (vectors and relevance), classify.go (classifier heads),
// observe.go (what is counted), administer.go (what the administration socket
// tells), notify.go (what systemd is told).
//
// A model that is asked for and not loaded is loaded; those that asked wait. It
// stays for its keep-alive after the last request, or until another one needs its
// memory. When its files are replaced, requests that have it go on with it, and
// later ones get the new version. What a model may take is its weights, its
// scratch memory and its KV cache, which is made smaller than kv-budget where
// memory is short; a load for which there is no room is refused with both
// numbers.
//
// Invariants:
//   - There is no network socket: the listener is a Unix socket, made here or
//     passed by systemd.
//   - Nothing that users say or models answer is logged or written to disk;
//     an answer's log line holds who, which unit, which model, how many tokens, how
//     long and how it ended.
//   - Each goroutine ends before Run returns.
package daemon

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
// This package wires them. Reading order: config.go (what can be set),
// daemon.go (start, serve, drain, stop), model.go (a loaded model as serve
// describes it), engine.go (as sched drives it), chat.go (conversations to
// prompts, by package prompt), generate.go (one request's way through sched and back), classify.go
// (classifier heads), embed.go (vectors and relevance), notify.go (what systemd is told).
//
// Invariants:
//   - There is no network socket: the listener is a Unix socket, made here or
//     passed by systemd.
//   - Nothing that users say or models answer is logged or written to disk;
//     an answer's log line holds who, which model, how many tokens, how long
//     and how it ended.
//   - Each goroutine ends before Run returns.
package daemon

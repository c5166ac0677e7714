// Package sched decides which tokens a model computes next.
//
// One goroutine, Scheduler.Run, owns every session of a model, so no lock
// surrounds the model. Requests reach it through a bounded queue; where that
// is full, Submit says so at once. Before each step the goroutine lets go of
// requests whose context has ended, admits waiting ones, and plans: the next
// token of every answer that is being written, and one chunk of prompt. So a
// long prompt delays running answers by one chunk at a time, and a request
// that is cancelled leaves before the next step, also in the middle of its
// prompt.
//
// The package sees tokens and logits. What a token means, how one is chosen
// and where an answer goes is the Writer's business.
//
// Reading order: policy.go (which work the next step does; counts only, no
// clock, no goroutine), queue.go (waiting requests, fair between users),
// sched.go (the goroutine).
//
// Decisions:
//
// Prefill and decode are one thing. A request is a list of tokens of which
// some are in the KV cache; a step computes some of the others. When none is
// left, the logits after the last one give the next token. A decode step is
// the case of one token left.
//
// Admission counts pages for the tokens that exist, not for the longest
// answer allowed, so that a client which asks for a large maximum does not
// keep others out. If answers outgrow the cache, one is set aside: its pages
// are freed and its tokens computed again when there is room. The numeric
// contract makes that invisible in the answer. The user who holds the most
// pages pays. It cannot go on forever, since pages are only ever short after
// an answer has grown, and what has grown is kept.
//
// A request that was set aside comes before those that never ran; they are
// served in turns between users, each user's in order of arrival.
package sched

// Package sched decides which tokens a model computes next.
//
// One goroutine, Scheduler.Run, owns every session of a model, so no lock
// surrounds the model. Requests reach it through a queue that is bounded for
// each user; where that is full, Submit says so at once. Before each step the
// goroutine lets go of requests whose context has ended, decides which ones run,
// and plans: the next token of every answer that is being written, and one chunk
// of prompt. So a long prompt delays running answers by one chunk at a time, and
// a request that is cancelled leaves before the next step, also in the middle of
// its prompt.
//
// The package sees tokens and logits. What a token means, how one is chosen
// and where an answer goes is the Writer's business.
//
// Reading order: account.go (what users have had and may have), policy.go (which
// work the next step does; like account.go counts only, no clock, no goroutine),
// draft.go (guesses at what follows), pace.go (how much is worth it in a step),
// sched.go (the goroutine), step.go (a step, and what becomes of its logits).
//
// Decisions:
//
// Prefill and decode are one thing. A request is a list of tokens of which
// some are in the KV cache; a step computes some of the others. When none is
// left, the logits after the last one give the next token. A decode step is
// the case of one token left. A text whose vector is wanted is a prompt without an
// answer, and shares like any other.
//
// Three things are shared, each in its own way, all by the weight of a user and
// its lane. Slots: who has the fewest gets the next, and where none is free the
// user with the most gives one up, once an answer there has grown. Tokens: the
// chunk of prompt goes round by deficit round robin, and what answers take
// counts. Pages: who holds the most beyond its reserve pays when they run out.
// Nobody starves: a lane is a factor, not an order, and who was passed over too
// often is next.
//
// Who has nothing running does not wait for a flood of somebody else's requests to
// pass: it displaces the last of them, in slots and pages, and after a rest its
// prompts go first for a few chunks.
//
// Admission counts pages for the tokens that exist, not for the longest
// answer allowed, so that a client which asks for a large maximum does not
// keep others out. If answers outgrow the cache, one is set aside: its pages
// are freed and its tokens computed again when there is room, as far as they are
// not found in the cache. The numeric contract makes that invisible in the
// answer. It cannot go on forever, since pages are only ever short after an
// answer has grown, what has grown is kept, and who was set aside often stays.
//
// A guess is a token like any other: it is computed behind the last one, and
// where the logits before it choose it, one step has brought two tokens. The
// numeric contract makes that invisible too. What is guessed wrong is cut off the
// session. Whether guessing pays is measured, not known: it depends on the
// model, the CPU, the text and how many answers share the step.
package sched

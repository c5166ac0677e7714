// Package corpus generates the text that the demo model learns: questions in
// many wordings, each with one right answer, and little stories.
//
// Reading order: corpus.go (Generate, and the split into training and
// held-out questions), pattern.go (the notation of wordings), dress.go (how
// people type them), then the content: first.go, greetings.go, about.go,
// program.go, places.go, calendar.go, sums.go, limits.go, stories.go.
//
// All text here is our own. The library, the station and the town of Fernwick
// are invented.
//
// Invariants:
//
//   - The same options give the same bytes, on every machine.
//   - A held-out question never appears in training, not even with another
//     greeting in front of it, in other capitals or without its question mark:
//     the split is by a hash of the bare wording (see split). What strangers
//     ask first (first.go) is always in training.
//
// Why answers are whole, fixed sentences: an answer can then be judged by
// comparing strings, and a model of a million parameters gets them right.
package corpus

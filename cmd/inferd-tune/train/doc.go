// Package train fits a graph to a corpus: batches, Adam, the learning rate,
// checkpoints and held-out scores.
//
// Reading order: train.go (Run), data.go (examples to batches), adam.go,
// checkpoint.go, score.go.
//
// Everything is a function of the options: the examples of a step come from a
// generator seeded with (seed, step), so a run that was killed and resumed
// from its checkpoint sees what an uninterrupted one would have seen. The two
// differ in no bit on one machine; on another machine, rounding differs.
//
// Why replicas: gorgonia runs a graph on one core. Each replica computes the
// gradients of its share of the rows on a goroutine of its own; they are added
// in replica order, so the number of cores does not change the result.
package train

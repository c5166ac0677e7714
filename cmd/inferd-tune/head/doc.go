// Package head trains a classifier head with gorgonia: softmax regression on
// embeddings that stay as they are. Package runtime/head has the file's form
// and the arithmetic that serves it.
//
// train.go (Train, on a part of the examples), report.go (accuracy and
// confusion on the rest), write.go.
package head

// Package head reads classifier heads and computes with them: a small softmax
// layer over the pooled embedding of a text, which says which of a few labels
// the text has. Kiosk programs need to know what somebody wants more often
// than they need prose.
//
// A head is a GGUF file of architecture "inferd-head" that inferd-tune head
// writes:
//
//	inferd.head.base_sha256  sha256 of the model file it was trained with
//	inferd.head.labels       one string for each label
//	inferd.head.threshold    probability below which no label is given
//	head.weight              F32 [nLabels, dim]
//	head.bias                F32 [nLabels]
//
// An embedding means nothing to a head of another model, even one of the same
// width, so a head fits one model file and no other: see Fits. It takes what
// runtime.Engine.Embed makes of a text in the layout that the model was trained
// on: as a user's only message where the model has a chat template, with the
// opening of the answer behind it, and else as plain text with the special
// tokens that the vocabulary adds.
package head

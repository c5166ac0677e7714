// Package store knows the models on disk: those in a folder that it watches,
// and single files that the configuration names. A model is known when it has
// been verified; what is wrong with the others can be asked.
//
//	s, err := store.New(store.Options{Folder: "/var/lib/inferd/models", Log: log})
//	s.Scan(ctx)    // look once
//	go s.Run(ctx)  // and whenever the folder changes
//	entry, ok := s.Find("qwen3-0.6b-Q8_0")
//
// # Reading order
//
//	store.go     Store: what is known, and when to look again
//	watch.go     that something in the folder has changed
//	scan.go      from the names in a folder to models, and what changed
//	verify.go    whether files are a model that may be used
//	model.go     a verified model, and opening it later
//	file.go      opening one file, and telling versions of it apart
//	settings.go  NAME.toml beside a model
//	sums.go, minisign.go   SHA256SUMS and signatures
//
// # What is trusted
//
// A file's content is an attacker's; package gguf and package runtime check it.
// Whoever may write to the folder decides which models there are, and so the
// folder and the files must not be writable by everybody. A file is opened
// without following links and without blocking, and looked at through its
// descriptor alone, so nothing that happens to its name meanwhile matters.
//
// # Versions
//
// Device, inode, size, and the times of the last change of content and of
// status make the identity of a file. A model is what was verified, and opening
// it again fails with ErrChanged where the identity is another; the same check
// after its bytes have been read tells that they are those. Times of files are
// coarse, so a file that changed a moment ago is left alone until it has not
// changed for settleTime: two versions never have one identity.
//
// A file that becomes unusable is reported, and the version before it stays
// with the entry: a service that has it loaded may go on using it.
package store

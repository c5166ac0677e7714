package kernels

// ClearVectors zeroes the vector registers of the calling thread. What they held
// last would otherwise stay until the next vector instruction, and be written to
// memory with the thread's state when a signal comes.
func ClearVectors() { clearVectors() }

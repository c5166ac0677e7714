package kernels

// Pause tells the CPU, n times, that the caller waits in a loop: a few dozen
// cycles in which a sibling hardware thread gets the core's units and little
// power is used. Where there is no such instruction it does nothing.
func Pause(n int) { pause(n) }

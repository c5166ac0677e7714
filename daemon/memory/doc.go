// Package memory tells how much memory this process may still take, and when
// the system runs short of it.
//
// room.go reads the limits: those of the process's control groups (cgroups(7),
// version 1 and 2) and of the machine. pressure.go waits for the kernel to say
// that memory is short, as systemd hands it to services
// (https://systemd.io/MEMORY_PRESSURE), or by /proc/pressure (PSI).
package memory

// Package trials tries the programs as they ship, each in a process of its own,
// in the ways that machines and people are hard on programs. It has no code but
// tests; each is short by default, and a variable or a make target makes it long.
//
//	service_test.go   building the programs, and a daemon to be tried
//	soak_test.go      hours of mixed traffic: nothing grows (make soak HOURS=1)
//	strace_test.go    system calls that fail, by strace(1)
//	faults_test.go, serve_faults_test.go   the tools and the daemon under such faults (make faults)
//	full_test.go      disks that get full
//	memory_test.go    a control group that one model fills (make memory MODEL=file.gguf)
package trials

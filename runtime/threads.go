package runtime

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
)

// ThreadChoice is how many threads a step uses and why.
type ThreadChoice struct {
	N      int    `json:"n"`
	Reason string `json:"reason"` // for the log, such as "4 of 8 CPUs: big cores only"
}

// ChooseThreads returns the number of threads that serves this process best:
// one for each physical core of the fastest class among the CPUs it may run
// on, no more than its cgroup's CPU quota pays for. Sibling hardware threads
// share the units that the kernels saturate, and a slow core would make the
// fast ones wait.
func ChooseThreads() ThreadChoice {
	cpus, err := allowedCPUs()
	if err != nil {
		return ThreadChoice{1, "1: the CPU affinity cannot be read: " + err.Error()}
	}
	return chooseThreads(os.DirFS("/"), cpus)
}

// chooseThreads decides for a process that may run on cpus; root is the file
// system that holds sys and proc.
func chooseThreads(root fs.FS, cpus []int) ThreadChoice {
	big, why := fastestClass(root, cpus)
	cores := physicalCores(root, big)
	n := len(cores)
	reason := fmt.Sprintf("%d of %d allowed CPUs", n, len(cpus))
	if len(big) < len(cpus) {
		reason += ", " + why
	}
	if n < len(big) {
		reason += ", one for each physical core"
	}
	if quota, file := cpuQuota(root); quota > 0 {
		if q := max(1, int(quota)); q < n {
			n = q
			reason = fmt.Sprintf("%d: %s allows %.2f CPUs (of %s)", n, file, quota, reason)
		}
	}
	if n < 1 {
		return ThreadChoice{1, "1: no CPU is known"}
	}
	return ThreadChoice{n, reason}
}

// fastestClass returns the CPUs of the highest performance class, and how the
// class is known. On machines with one class these are all CPUs.
func fastestClass(root fs.FS, cpus []int) (big []int, why string) {
	// Intel's hybrid processors list their performance cores.
	if list, ok := readString(root, "sys/devices/cpu_core/cpus"); ok {
		if big = intersect(cpus, parseCPUList(list)); len(big) > 0 {
			return big, "performance cores only"
		}
	}
	// Arm's kernels rate each CPU against the fastest, which has 1024.
	best := 0
	capacity := make([]int, len(cpus))
	for i, c := range cpus {
		s, _ := readString(root, cpuPath(c, "cpu_capacity"))
		capacity[i], _ = strconv.Atoi(s)
		best = max(best, capacity[i])
	}
	for i, c := range cpus {
		// Prime cores are often a little faster than their neighbours, which are
		// still worth having.
		if capacity[i]*4 >= best*3 {
			big = append(big, c)
		}
	}
	return big, "big cores only"
}

// physicalCores keeps the first of each group of sibling hardware threads.
func physicalCores(root fs.FS, cpus []int) []int {
	seen := map[int]bool{}
	var cores []int
	for _, c := range cpus {
		if seen[c] {
			continue
		}
		cores = append(cores, c)
		if list, ok := readString(root, cpuPath(c, "topology/thread_siblings_list")); ok {
			for _, s := range parseCPUList(list) {
				seen[s] = true
			}
		}
	}
	return cores
}

func cpuPath(cpu int, file string) string {
	return fmt.Sprintf("sys/devices/system/cpu/cpu%d/%s", cpu, file)
}

// cpuQuota returns the smallest CPU quota of the process's cgroup and its
// parents, in CPUs, and the file it was found in; 0 means no quota.
func cpuQuota(root fs.FS) (quota float64, file string) {
	group, ok := readString(root, "proc/self/cgroup")
	if !ok {
		return 0, ""
	}
	for line := range strings.Lines(group) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		switch controllers := parts[1]; {
		case controllers == "": // cgroup v2
			walkGroups(parts[2], func(dir string) {
				p := path.Join("sys/fs/cgroup", dir, "cpu.max")
				s, _ := readString(root, p)
				if f := strings.Fields(s); len(f) == 2 {
					quota, file = smallerQuota(quota, file, f[0], f[1], "/"+p)
				}
			})
		case strings.Contains(","+controllers+",", ",cpu,"): // cgroup v1
			walkGroups(parts[2], func(dir string) {
				p := path.Join("sys/fs/cgroup/cpu", dir, "cpu.cfs_quota_us")
				q, _ := readString(root, p)
				period, _ := readString(root, path.Join(path.Dir(p), "cpu.cfs_period_us"))
				quota, file = smallerQuota(quota, file, q, period, "/"+p)
			})
		}
	}
	return quota, file
}

// walkGroups calls f for a cgroup and each of its parents. Inside a container
// the root of its own hierarchy is what exists, so the root is always visited.
func walkGroups(group string, f func(dir string)) {
	for dir := path.Clean("/" + group); ; dir = path.Dir(dir) {
		f(strings.TrimPrefix(dir, "/"))
		if dir == "/" {
			return
		}
	}
}

// smallerQuota returns the smaller of a known quota and one given in
// microseconds of a period; "max" and -1 are no quota.
func smallerQuota(quota float64, file, us, periodUS, newFile string) (float64, string) {
	u, err1 := strconv.ParseFloat(us, 64)
	p, err2 := strconv.ParseFloat(periodUS, 64)
	if err1 != nil || err2 != nil || u <= 0 || p <= 0 {
		return quota, file
	}
	if q := u / p; quota == 0 || q < quota {
		return q, newFile
	}
	return quota, file
}

// parseCPUList reads the kernel's list format, such as "0-3,8,10-11". What it
// cannot read it leaves out.
func parseCPUList(s string) []int {
	var cpus []int
	for part := range strings.SplitSeq(s, ",") {
		lo, hi, isRange := strings.Cut(strings.TrimSpace(part), "-")
		a, err := strconv.Atoi(lo)
		if err != nil {
			continue
		}
		b := a
		if isRange {
			if b, err = strconv.Atoi(hi); err != nil {
				continue
			}
		}
		for c := a; c <= b && c < maxCPUs; c++ {
			cpus = append(cpus, c)
		}
	}
	return cpus
}

// maxCPUs bounds a CPU number read from a file; Linux allows 8192.
const maxCPUs = 8192

// intersect returns the members of a that are in b, in a's order.
func intersect(a, b []int) []int {
	in := map[int]bool{}
	for _, c := range b {
		in[c] = true
	}
	var out []int
	for _, c := range a {
		if in[c] {
			out = append(out, c)
		}
	}
	return out
}

// readString reads a small file without the white space around it.
func readString(root fs.FS, name string) (string, bool) {
	b, err := fs.ReadFile(root, name)
	return strings.TrimSpace(string(b)), err == nil
}

package runtime

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func machine(files map[string]string) fstest.MapFS {
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text + "\n")}
	}
	return m
}

func siblings(groups ...string) map[string]string {
	files := map[string]string{}
	for _, g := range groups {
		for _, c := range parseCPUList(g) {
			files[fmt.Sprintf("sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", c)] = g
		}
	}
	return files
}

func with(files map[string]string, more ...string) map[string]string {
	for i := 0; i < len(more); i += 2 {
		files[more[i]] = more[i+1]
	}
	return files
}

func capacities(files map[string]string, c ...int) map[string]string {
	for i, v := range c {
		files[fmt.Sprintf("sys/devices/system/cpu/cpu%d/cpu_capacity", i)] = fmt.Sprint(v)
	}
	return files
}

func TestChooseThreads(t *testing.T) {
	upTo := func(n int) []int { return parseCPUList(fmt.Sprintf("0-%d", n-1)) }
	for _, c := range []struct {
		name   string
		files  map[string]string
		cpus   []int
		n      int
		reason string // a part of it
	}{
		{"plain", nil, upTo(4), 4, "4 of 4 allowed CPUs"},
		{"hyper-threads", siblings("0,2", "1,3"), upTo(4), 2, "physical core"},
		{"affinity keeps one sibling", siblings("0-1", "2-3"), []int{1, 3}, 2, "2 of 2 allowed CPUs"},
		{
			"hybrid", with(siblings("0-1", "2-3", "4", "5"), "sys/devices/cpu_core/cpus", "0-3"),
			upTo(6), 2, "performance cores only, one for each physical core",
		},
		{"hybrid, only small cores allowed", map[string]string{"sys/devices/cpu_core/cpus": "0-3"}, []int{4, 5}, 2, "2 of 2"},
		{"big.LITTLE", capacities(map[string]string{}, 300, 300, 300, 300, 1024, 1024), upTo(6), 2, "big cores only"},
		{"prime core", capacities(map[string]string{}, 300, 300, 900, 900, 900, 1024), upTo(6), 4, "big cores only"},
		{
			"quota v2 of a parent",
			map[string]string{
				"proc/self/cgroup":                         "0::/a.slice/b.service",
				"sys/fs/cgroup/a.slice/cpu.max":            "250000 100000",
				"sys/fs/cgroup/a.slice/b.service/cpu.max":  "max 100000",
				"sys/fs/cgroup/a.slice/b.service/not.used": "",
			},
			upTo(8), 2, "/sys/fs/cgroup/a.slice/cpu.max allows 2.50 CPUs",
		},
		{
			"quota under one CPU",
			map[string]string{"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "50000 100000"},
			upTo(8), 1, "allows 0.50 CPUs",
		},
		{
			"quota v1",
			map[string]string{
				"proc/self/cgroup":                        "5:cpu,cpuacct:/x\n4:memory:/x",
				"sys/fs/cgroup/cpu/x/cpu.cfs_quota_us":    "300000",
				"sys/fs/cgroup/cpu/x/cpu.cfs_period_us":   "100000",
				"sys/fs/cgroup/cpu/cpu.cfs_quota_us":      "-1",
				"sys/fs/cgroup/cpu/cpu.cfs_period_us":     "100000",
				"sys/fs/cgroup/memory/x/memory.max_bytes": "1",
			},
			upTo(8), 3, "allows 3.00 CPUs",
		},
		{
			"quota over the cores",
			map[string]string{"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "900000 100000"},
			upTo(4), 4, "4 of 4",
		},
		{"garbage", map[string]string{"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "x y z", "sys/devices/cpu_core/cpus": "-,x"}, upTo(2), 2, "2 of 2"},
		{"no CPU", nil, nil, 1, "no CPU"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := chooseThreads(machine(c.files), c.cpus)
			require.Equal(t, c.n, got.N, got.Reason)
			require.Contains(t, got.Reason, c.reason)
		})
	}
}

func TestChooseThreadsHere(t *testing.T) {
	got := ChooseThreads()
	require.Positive(t, got.N)
	require.NotEmpty(t, strings.TrimSpace(got.Reason))
}

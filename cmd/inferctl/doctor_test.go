package main

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"inferd/kernels"
)

func TestExamine(t *testing.T) {
	const meminfo = "MemTotal:       16384 kB\nMemFree:  1 kB\nMemAvailable:    8192 kB\nSwap: x kB\nodd\n"
	d := examine(fstest.MapFS{
		"proc/meminfo": {Data: []byte(meminfo)},
		"sys/kernel/mm/transparent_hugepage/enabled": {Data: []byte("always madvise [never]\n")},
	})
	require.EqualValues(t, 16<<20, d.MemoryBytes)
	require.EqualValues(t, 8<<20, d.AvailableBytes)
	require.Equal(t, "never", d.HugePages)
	require.Contains(t, strings.Join(d.Warnings, "\n"), "transparent huge pages are off")

	d = examine(fstest.MapFS{"sys/kernel/mm/transparent_hugepage/enabled": {Data: []byte("always [madvise] never\n")}})
	require.Zero(t, d.MemoryBytes)
	require.Equal(t, "madvise", d.HugePages)
	require.NotContains(t, strings.Join(d.Warnings, "\n"), "huge pages")
}

// What doctor says of a level is what the kernels do: those that lack nothing
// are the ones that may be forced.
func TestDoctorLevels(t *testing.T) {
	var runs []string
	for _, l := range kernels.Levels() {
		if l.Lacks == nil {
			runs = append(runs, l.Name)
		}
	}
	require.Equal(t, kernels.Implementations(), runs)
}

func TestExplainKernels(t *testing.T) {
	best := kernels.Implementations()[0]
	d := &diagnosis{Kernels: "generic"}
	d.explainKernels("generic")
	require.Equal(t, "INFERD_KERNELS=generic", d.KernelsReason)
	require.NotEmpty(t, d.Warnings)

	d = &diagnosis{Kernels: best}
	d.explainKernels("")
	require.Equal(t, "the best that this CPU runs", d.KernelsReason)
	require.Equal(t, best == "generic", len(d.Warnings) > 0)
}

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/daemon/admin"
	"inferd/kernels"
)

func TestExamine(t *testing.T) {
	const meminfo = "MemTotal:       16384 kB\nMemFree:  1 kB\nMemAvailable:    8192 kB\nSwap: x kB\nodd\n"
	d := examine(tree(t, map[string]string{
		"proc/meminfo": meminfo,
		"sys/kernel/mm/transparent_hugepage/enabled": "always madvise [never]\n",
	}))
	require.EqualValues(t, 16<<20, d.MemoryBytes)
	require.EqualValues(t, 8<<20, d.AvailableBytes)
	require.Equal(t, "machine", d.MemoryLimit)
	require.Equal(t, "never", d.HugePages)
	require.Contains(t, strings.Join(d.Warnings, "\n"), "transparent huge pages are off")

	d = examine(tree(t, map[string]string{"sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n"}))
	require.Zero(t, d.MemoryBytes)
	require.Equal(t, "madvise", d.HugePages)
	require.NotContains(t, strings.Join(d.Warnings, "\n"), "huge pages")
}

// A container's limit counts, not the machine's memory.
func TestExamineControlGroup(t *testing.T) {
	root := tree(t, map[string]string{
		"proc/meminfo":                     "MemTotal: 16384 kB\nMemAvailable: 8192 kB\n",
		"proc/self/cgroup":                 "0::/box\n",
		"proc/self/mountinfo":              "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
		"sys/fs/cgroup/box/memory.max":     "3145728\n",
		"sys/fs/cgroup/box/memory.current": "2097152\n",
		"sys/fs/cgroup/box/memory.stat":    "active_file 4096\ninactive_file 4096\n",
	})
	d := examine(root)
	require.EqualValues(t, 1<<20+8192, d.AvailableBytes)
	require.Equal(t, filepath.Join(root, "sys/fs/cgroup/box"), d.MemoryLimit)

	require.NoError(t, os.WriteFile(filepath.Join(root, "sys/fs/cgroup/box/memory.current"), []byte("many"), 0o600))
	require.Contains(t, strings.Join(examine(root).Warnings, "\n"), "cannot be read")
}

// tree writes files below a new folder.
func tree(t *testing.T, files map[string]string) (root string) {
	t.Helper()
	root = t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return root
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

func TestDoctorAsksForPrivacy(t *testing.T) {
	for _, test := range []struct {
		privacy  admin.Privacy
		text     string
		warnings []string
	}{
		{admin.Privacy{Overwrites: true, Sealed: true}, "freed memory is overwritten, no other process reads its memory", nil},
		{admin.Privacy{Sealed: true}, "freed memory is NOT overwritten, no other", []string{"freed memory is not overwritten"}},
		{admin.Privacy{}, "NOT overwritten, other processes", []string{"freed memory is not overwritten", "may read its memory"}},
	} {
		socket, _ := adminDaemon(t, func() admin.Status { return admin.Status{Privacy: test.privacy} })
		d := new(diagnosis)
		d.askPrivacy(t.Context(), socket)
		require.Contains(t, d.Privacy, test.text)
		require.Len(t, d.Warnings, len(test.warnings))
		for i, want := range test.warnings {
			require.Contains(t, d.Warnings[i], want)
		}
	}
	d := new(diagnosis)
	d.askPrivacy(t.Context(), filepath.Join(t.TempDir(), "nowhere"))
	require.Contains(t, d.Privacy, "unknown: ")
	require.Empty(t, d.Warnings, "who may not ask is not warned")
}

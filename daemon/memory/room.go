package memory

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// System reads the memory of a machine below a root, "/" for the real one.
type System struct{ Root string }

// Room returns how many bytes more this process can take before a limit of a
// control group or the machine's memory is reached, and which of them that is.
// Page cache that can be given up counts as room.
func (s System) Room() (bytes int64, limit string, err error) {
	bytes, limit, err = s.machine()
	if err != nil {
		return 0, "", err
	}
	groups, err := s.groups()
	if err != nil {
		return 0, "", err
	}
	for _, g := range groups {
		room, ok, err := g.room()
		if err != nil {
			return 0, "", err
		}
		if ok && room < bytes {
			bytes, limit = room, g.folder
		}
	}
	return max(0, bytes), limit, nil
}

// machine returns the memory that the machine can give. Where a sandbox hides
// meminfo (ProcSubset=pid) it is what the system calls free and buffers.
func (s System) machine() (int64, string, error) {
	text, err := os.ReadFile(filepath.Join(s.Root, "proc/meminfo"))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		var info unix.Sysinfo_t
		if err := unix.Sysinfo(&info); err != nil {
			return 0, "", fmt.Errorf("sysinfo: %w", err)
		}
		return int64(min(math.MaxInt64, (uint64(info.Freeram)+uint64(info.Bufferram))*uint64(info.Unit))), "machine", nil
	}
	if err != nil {
		return 0, "", err
	}
	kib, ok := field(string(text), "MemAvailable:")
	if !ok {
		return 0, "", errors.New("/proc/meminfo has no MemAvailable")
	}
	return kib << 10, "machine", nil
}

// Used returns the bytes of memory that belong to this process alone.
func (s System) Used() (int64, error) {
	text, err := os.ReadFile(filepath.Join(s.Root, "proc/self/status"))
	if err != nil {
		return 0, err
	}
	kib, ok := field(string(text), "RssAnon:")
	if !ok {
		return 0, errors.New("/proc/self/status has no RssAnon")
	}
	return kib << 10, nil
}

// field returns the number behind a name at the beginning of a line.
func field(text, name string) (int64, bool) {
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) >= 2 && words[0] == name {
			n, err := strconv.ParseInt(words[1], 10, 64)
			return n, err == nil && n >= 0 && n < 1<<52
		}
	}
	return 0, false
}

// group is a control group that limits this process, its own or one above.
type group struct {
	folder string
	limits []string // files whose smallest number counts
	usage  string   // file
	cache  []string // of memory.stat: what can be given up
}

// groups returns the control groups for memory, from the innermost out.
func (s System) groups() ([]group, error) {
	text, err := os.ReadFile(filepath.Join(s.Root, "proc/self/cgroup"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // a kernel without them
	}
	if err != nil {
		return nil, err
	}
	mounts, err := os.ReadFile(filepath.Join(s.Root, "proc/self/mountinfo"))
	if err != nil {
		return nil, err
	}
	var out []group
	for line := range strings.Lines(string(text)) {
		// hierarchy-ID:controllers:path
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(parts) != 3:
		case parts[0] == "0" && parts[1] == "":
			root, at, ok := mountOf(string(mounts), "cgroup2", "")
			out = append(out, s.chain(ok, root, at, parts[2], group{
				limits: []string{"memory.max", "memory.high"}, usage: "memory.current",
				cache: []string{"active_file", "inactive_file"}})...)
		case slices.Contains(strings.Split(parts[1], ","), "memory"):
			root, at, ok := mountOf(string(mounts), "cgroup", "memory")
			out = append(out, s.chain(ok, root, at, parts[2], group{
				limits: []string{"memory.limit_in_bytes"}, usage: "memory.usage_in_bytes",
				cache: []string{"total_active_file", "total_inactive_file"}})...)
		}
	}
	return out, nil
}

// chain returns the group at path and those above it, as far as they are
// mounted: root of the hierarchy is mounted at at.
func (s System) chain(ok bool, root, at, path string, g group) (out []group) {
	path, below := strings.CutPrefix(path, strings.TrimSuffix(root, "/"))
	if !ok || !below {
		return nil
	}
	for path = filepath.Clean("/" + path); ; path = filepath.Dir(path) {
		g.folder = filepath.Join(s.Root, at, path)
		out = append(out, g)
		if path == "/" {
			return out
		}
	}
}

// mountOf finds where a kind of control group is mounted (proc_pid_mountinfo(5)):
// which part of the hierarchy, and at which path.
func mountOf(mounts, kind, option string) (root, at string, ok bool) {
	for line := range strings.Lines(mounts) {
		before, after, found := strings.Cut(line, " - ")
		words, super := strings.Fields(before), strings.Fields(after)
		if !found || len(words) < 5 || len(super) < 3 || super[0] != kind {
			continue
		}
		if option == "" || slices.Contains(strings.Split(super[2], ","), option) {
			return words[3], words[4], true
		}
	}
	return "", "", false
}

// room returns how far the group is from its limit; ok is false if it has none.
func (g group) room() (bytes int64, ok bool, err error) {
	limit := int64(math.MaxInt64)
	for _, name := range g.limits {
		n, limited, err := g.number(name)
		if err != nil {
			return 0, false, err
		}
		if limited {
			limit = min(limit, n)
		}
	}
	if limit >= 1<<60 { // version 1 writes the largest number of pages for none
		return 0, false, nil
	}
	usage, has, err := g.number(g.usage)
	if err != nil || !has {
		return 0, false, err
	}
	stat, err := os.ReadFile(filepath.Join(g.folder, "memory.stat"))
	if err != nil {
		return 0, false, err
	}
	for _, name := range g.cache {
		n, _ := field(string(stat), name)
		usage -= n
	}
	return limit - max(0, usage), true, nil
}

// number reads a file of one number; ok is false if there is no such file, as at
// the root of a hierarchy, or it says "max".
func (g group) number(name string) (n int64, ok bool, err error) {
	text, err := os.ReadFile(filepath.Join(g.folder, name))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	word := strings.TrimSpace(string(text))
	if word == "max" {
		return 0, false, nil
	}
	n, err = strconv.ParseInt(word, 10, 64)
	if err != nil {
		return 0, false, fmt.Errorf("%s: want a number, found %q", filepath.Join(g.folder, name), word)
	}
	return n, true, nil
}

package transport

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// peerUnit returns the systemd unit of the process at the other end of a socket,
// "" where that cannot be told. From Linux 6.5 on it is certain that the process
// has not ended meanwhile and left its PID to another.
func peerUnit(socket, pid int) string {
	pidfd, err := unix.GetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_PEERPIDFD)
	if err != nil {
		pidfd = -1
	} else {
		defer unix.Close(pidfd)
	}
	unit := unitOf(pid)
	if pidfd >= 0 && hasEnded(pidfd) {
		return ""
	}
	return unit
}

// hasEnded reports whether a process has: its pidfd can be read then, see
// pidfd_open(2).
func hasEnded(pidfd int) bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 0)
	return n > 0 || err != nil
}

// maxCgroupBytes bounds what is read of a process's control groups: a line for
// each of a dozen hierarchies, whose paths have a file name's length at each step.
const maxCgroupBytes = 16 << 10

// unitOf returns the systemd unit of a process, "" where it has none or is not
// to be seen.
func unitOf(pid int) string {
	f, err := os.Open(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return ""
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxCgroupBytes))
	if err != nil {
		return ""
	}
	return unitIn(string(text))
}

// unitIn finds the unit in the text of cgroups(7), /proc/PID/cgroup: in the
// hierarchy of version 2, or in the one that systemd names after itself.
func unitIn(text string) string {
	for line := range strings.Lines(text) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) < 3 || parts[1] != "" && parts[1] != "name=systemd" {
			continue
		}
		if unit := unitOfPath(parts[2]); unit != "" {
			return unit
		}
	}
	return ""
}

// unitOfPath returns the unit that a control group belongs to. It stands below
// slices, and what is below it is the unit's own affair, but for a user's manager,
// which starts units in its turn.
func unitOfPath(path string) string {
	unit, below := firstUnit(path)
	if strings.HasPrefix(unit, "user@") {
		if own, _ := firstUnit(below); own != "" {
			return unit + "/" + own
		}
	}
	return unit
}

// firstUnit returns the first part of a path that is no slice, "" if that is no
// unit with processes, and what stands behind it.
func firstUnit(path string) (unit, below string) {
	for {
		var part string
		part, path, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
		switch {
		case !isUnitName(part):
			return "", ""
		case strings.HasSuffix(part, ".slice"):
			continue
		case strings.HasSuffix(part, ".service"), strings.HasSuffix(part, ".scope"):
			return part, path
		default:
			return "", ""
		}
	}
}

// maxUnitName and unitLetters are what systemd.unit(5) allows in a name.
const (
	maxUnitName = 255
	unitLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@"
)

func isUnitName(s string) bool {
	return s != "" && len(s) <= maxUnitName && strings.Trim(s, unitLetters) == ""
}

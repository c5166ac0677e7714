package canary

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// needles are byte sequences to look for, by what they are called in a report.
// They are found by each of their windows, so that a torn copy is found too.
type needles struct {
	window int               // bytes of the shortest remainder that counts, 8 or more
	of     map[string]string // names, by window
	first  [1 << 16]bool     // by hash of a window's first 8 bytes
}

func newNeedles(window int) *needles { return &needles{window: window, of: map[string]string{}} }

func (n *needles) add(name string, text []byte) {
	for ; len(text) >= n.window; text = text[1:] {
		n.of[string(text[:n.window])] = name
		n.first[hash(text)] = true
	}
}

func hash(b []byte) uint16 {
	return uint16(binary.LittleEndian.Uint64(b) * 0x9e3779b97f4a7c15 >> 48)
}

// find appends the windows in text, which stands at an address of a mapping.
func (n *needles) find(found []finding, text []byte, address uint64, mapping string) []finding {
	for i := range max(0, len(text)-n.window+1) {
		if !n.first[hash(text[i:])] {
			continue
		}
		window := text[i : i+n.window]
		if name, ok := n.of[string(window)]; ok {
			around := bytes.Clone(text[max(0, i-48):min(len(text), i+80)])
			found = append(found, finding{name, string(window), address + uint64(i), mapping, around})
		}
	}
	return found
}

// finding is a window of a needle in a process's memory.
type finding struct {
	name    string
	window  string
	address uint64
	mapping string // as /proc/PID/maps names it
	around  []byte
}

func (f finding) String() string {
	return fmt.Sprintf("%s at %#x in %s: %q", f.name, f.address, f.mapping, f.around)
}

// maxFindings ends a scan: more of them tell nothing new.
const maxFindings = 10_000

// scan looks for needles in all memory of a process that can be read and holds
// anything. It takes root, or a process that may be traced.
func scan(pid int, all ...*needles) (found []finding, nBytes int64, err error) {
	regions, err := regionsOf(pid)
	if err != nil {
		return nil, 0, err
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return nil, 0, err
	}
	defer mem.Close()
	for _, r := range regions {
		const longest = 64 // bytes of a window: one that lies across two pieces is in the second
		var last []byte
		for from := r.from; from < r.to; {
			piece := make([]byte, min(r.to-from, 1<<20))
			got, err := mem.ReadAt(piece, int64(from))
			if got == 0 {
				if errors.Is(err, syscall.EIO) || errors.Is(err, syscall.EFAULT) || errors.Is(err, io.EOF) {
					break // unmapped meanwhile, or memory of a device
				}
				return nil, 0, fmt.Errorf("read %s at %#x: %w", r.name, from, err)
			}
			nBytes += int64(got)
			text := append(last, piece[:got]...)
			for _, n := range all {
				found = n.find(found, text, from-uint64(len(last)), r.name)
			}
			if len(found) > maxFindings {
				return found, nBytes, nil
			}
			last = bytes.Clone(text[max(0, len(text)-longest):])
			from += uint64(got)
		}
	}
	return found, nBytes, nil
}

// region is a piece of memory that holds something.
type region struct {
	from, to uint64
	name     string
}

// regionsOf lists the readable memory of a process, as far as pages of it exist:
// reading the others would make them.
func regionsOf(pid int) ([]region, error) {
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return nil, err
	}
	defer maps.Close()
	pagemap, err := os.Open(fmt.Sprintf("/proc/%d/pagemap", pid))
	if err != nil {
		return nil, err
	}
	defer pagemap.Close()
	var list []region
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		r := region{}
		var mode, offset, device, inode string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s %s %s %s %s", &r.from, &r.to, &mode, &offset, &device, &inode, &r.name); err != nil && r.to == 0 {
			return nil, fmt.Errorf("line %q: %w", lines.Text(), err)
		}
		if mode[0] != 'r' || r.name == "[vvar]" || r.name == "[vsyscall]" || r.name == "[vvar_vclock]" {
			continue
		}
		if list, err = appendPresent(list, r, pagemap); err != nil {
			return nil, err
		}
	}
	return list, lines.Err()
}

// appendPresent adds the parts of r whose pages are in memory or swapped out
// (Documentation/admin-guide/mm/pagemap.rst).
func appendPresent(list []region, r region, pagemap *os.File) ([]region, error) {
	page := uint64(unix.Getpagesize())
	const isThere = 3 << 62
	flags := make([]byte, 8<<10)
	at := r.from
	for at < r.to {
		n, err := pagemap.ReadAt(flags[:min(uint64(len(flags)), (r.to-at)/page*8)], int64(at/page*8))
		if n < 8 {
			return list, err
		}
		for b := flags[:n&^7]; len(b) > 0; b, at = b[8:], at+page {
			if binary.LittleEndian.Uint64(b)&isThere == 0 {
				continue
			}
			if last := len(list) - 1; last >= 0 && list[last].to == at && list[last].name == r.name {
				list[last].to += page
			} else {
				list = append(list, region{at, at + page, r.name})
			}
		}
	}
	return list, nil
}

// report sums findings up, with a few whole ones.
func report(found []finding) string {
	count := map[string]int{}
	for _, f := range found {
		count[f.name]++
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(count)) {
		fmt.Fprintf(&b, "%s: %d windows\n", name, count[name])
	}
	var last uint64
	shown := 0
	for _, f := range found {
		if f.address-last > 256 && shown < 40 {
			fmt.Fprintln(&b, f)
			shown++
		}
		last = f.address
	}
	return b.String()
}

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"inferd/daemon/memory"
	"inferd/daemon/transport"
	"inferd/kernels"
	"inferd/runtime"
)

var doctorCommand = &command{
	name:     "doctor",
	synopsis: "[--socket PATH] [--json]",
	summary:  "say what this machine gives inferd, and what is missing",
	details: `
Show the CPU, the level of kernels that is chosen for it and why, the threads a
step uses and why, the memory, whether weights get huge pages, whether a daemon
answers at the socket and, to an administrator, whether it forgets what is said to
it. What makes inferd slow, leaky or keeps it from working stands below as warnings.
Nothing is changed and no model is needed.

INFERD_KERNELS=LEVEL, here as with every program, forces one of the levels.`,
	define: func(fs *flag.FlagSet) runFunc {
		socket := fs.String("socket", "", "`PATH` of the daemon's socket (default: the user's, else the system's)")
		asJSON := fs.Bool("json", false, "print one JSON object")
		return func(ctx context.Context, _ []string) error {
			d := examine("/")
			d.askDaemon(ctx, newClient(*socket))
			if *asJSON {
				enc := json.NewEncoder(os.Stdout)
				enc.SetIndent("", "  ")
				return enc.Encode(d)
			}
			return d.print()
		}
	},
}

// diagnosis is what doctor found. Texts are for people; what is unknown is "".
type diagnosis struct {
	CPU           string               `json:"cpu"`
	Arch          string               `json:"arch"`
	Kernels       string               `json:"kernels"`
	KernelsReason string               `json:"kernels_reason"`
	Levels        []kernels.Level      `json:"levels"`
	Threads       runtime.ThreadChoice `json:"threads"`

	MemoryBytes    int64  `json:"memory_bytes"`           // of the machine; 0 where it does not tell
	AvailableBytes int64  `json:"memory_available_bytes"` // to a process, without swapping
	MemoryLimit    string `json:"memory_limit"`           // what leaves no more: "machine", or a control group's folder
	HugePages      string `json:"huge_pages"`             // "always", "madvise" or "never"

	Socket  string `json:"socket"`
	Daemon  string `json:"daemon"`  // that it answers there, or why it does not
	Privacy string `json:"privacy"` // what the daemon does with what was said to it, or why that is unknown
	Service string `json:"service"` // systemd's word for inferd.service

	Warnings []string `json:"warnings"`
}

// warn notes what makes inferd slow or keeps it from working.
func (d *diagnosis) warn(format string, a ...any) {
	d.Warnings = append(d.Warnings, fmt.Sprintf(format, a...))
}

// examine looks at the machine whose file system lies below root.
func examine(root string) *diagnosis {
	d := &diagnosis{
		CPU:      cmp.Or(strings.TrimSpace(kernels.CPUName()), "unnamed"),
		Arch:     goruntime.GOOS + "/" + goruntime.GOARCH,
		Kernels:  kernels.Active(),
		Levels:   kernels.Levels(),
		Threads:  runtime.ChooseThreads(),
		Warnings: []string{},
	}
	d.explainKernels(os.Getenv("INFERD_KERNELS"))
	d.readMemory(root)
	return d
}

// explainKernels says why the level is in use; forced is the one asked for.
func (d *diagnosis) explainKernels(forced string) {
	best := kernels.Implementations()[0]
	d.KernelsReason = "the best that this CPU runs"
	if forced != "" {
		d.KernelsReason = "INFERD_KERNELS=" + forced
		if d.Kernels != best {
			d.warn("INFERD_KERNELS=%s forces level %s, this CPU runs %s", forced, d.Kernels, best)
		}
	}
	if best == "generic" {
		d.warn("no kernels for this CPU: portable code is ten times slower or worse")
	}
}

// readMemory reads how much memory there is, how much of it the daemon would
// find for models, and whether it comes in huge pages.
func (d *diagnosis) readMemory(root string) {
	meminfo, _ := os.ReadFile(filepath.Join(root, "proc/meminfo"))
	for line := range strings.Lines(string(meminfo)) {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] != "MemTotal:" {
			continue
		}
		if kib, err := strconv.ParseInt(words[1], 10, 64); err == nil && kib >= 0 && kib < 1<<50 {
			d.MemoryBytes = kib << 10
		}
	}
	var err error
	if d.AvailableBytes, d.MemoryLimit, err = (memory.System{Root: root}).Room(); err != nil {
		d.warn("the memory that models may take cannot be read: %v", err)
	}
	// The chosen mode stands in brackets: "always [madvise] never".
	modes, _ := os.ReadFile(filepath.Join(root, "sys/kernel/mm/transparent_hugepage/enabled"))
	_, mode, _ := strings.Cut(string(modes), "[")
	d.HugePages, _, _ = strings.Cut(mode, "]")
	if d.HugePages == "never" {
		d.warn("transparent huge pages are off, which slows reading weights; set /sys/kernel/mm/transparent_hugepage/enabled to madvise")
	}
}

// askTimeout bounds each question to the daemon and to systemd.
const askTimeout = 3 * time.Second

// askDaemon finds out whether a daemon answers, and what systemd thinks of it.
func (d *diagnosis) askDaemon(ctx context.Context, c *client) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	d.Socket = c.socket
	if answer, err := c.do(ctx, "GET", "/health", nil); err == nil {
		_ = answer.Close()
		d.Daemon = "answers at " + d.Socket
		d.askPrivacy(ctx, transport.AdminPath(c.socket))
	} else {
		d.Daemon = err.Error()
		if _, gone := os.Stat(d.Socket); gone == nil {
			d.warn("there is a socket, but %v", err)
		}
	}
	if state, err := exec.CommandContext(ctx, "systemctl", "is-active", "inferd.service").Output(); len(state) > 0 {
		d.Service = strings.TrimSpace(string(state))
	} else if err != nil {
		d.Service = "systemd is not reachable"
	}
	if d.Service == "failed" {
		d.warn("inferd.service has failed; 'journalctl -u inferd' says why")
	}
}

// askPrivacy asks a daemon that answers for what only administrators are told.
func (d *diagnosis) askPrivacy(ctx context.Context, adminSocket string) {
	s, err := daemonStatus(ctx, adminSocket)
	if err != nil {
		d.Privacy = "unknown: " + err.Error()
		return
	}
	d.Privacy = privacyText(s.Privacy)
	if !s.Privacy.Overwrites {
		d.warn("the daemon's freed memory is not overwritten, so prompts stay in it for a while; its first lines of log say why")
	}
	if !s.Privacy.Sealed {
		d.warn("other processes of the daemon's user may read its memory, or it may be dumped")
	}
}

func (d *diagnosis) print() error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "cpu\t%s, %s\n", printable(d.CPU), d.Arch)
	fmt.Fprintf(w, "kernels\t%s: %s\n", d.Kernels, d.KernelsReason)
	for _, l := range d.Levels {
		state := "runs"
		if l.Lacks != nil {
			state = "lacks " + strings.Join(l.Lacks, ", ")
		}
		fmt.Fprintf(w, "\t%s %s\n", l.Name, state)
	}
	fmt.Fprintf(w, "threads\t%s\n", d.Threads.Reason)
	if d.MemoryBytes > 0 {
		limit := ""
		if d.MemoryLimit != "machine" {
			limit = ", by the limit of " + printable(d.MemoryLimit)
		}
		fmt.Fprintf(w, "memory\t%s, %s of it available%s\n", byteCount(d.MemoryBytes), byteCount(d.AvailableBytes), limit)
	}
	fmt.Fprintf(w, "huge pages\t%s\n", cmp.Or(printable(d.HugePages), "unknown"))
	fmt.Fprintf(w, "daemon\t%s\n", printable(d.Daemon))
	fmt.Fprintf(w, "privacy\t%s\n", cmp.Or(printable(d.Privacy), "unknown"))
	fmt.Fprintf(w, "service\t%s\n", printable(d.Service))
	if err := w.Flush(); err != nil {
		return err
	}
	for _, warning := range d.Warnings {
		if _, err := fmt.Println("warning: " + printable(warning)); err != nil {
			return err
		}
	}
	return nil
}

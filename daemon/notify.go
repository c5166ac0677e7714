package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// statusInterval is how often the service manager is told what is going on.
const statusInterval = 5 * time.Second

// notifier tells the service manager about the daemon (sd_notify(3)). Without
// a service manager it does nothing.
type notifier struct {
	log    *slog.Logger
	status string // sent last; belongs to the goroutine that calls
}

// send passes on a state such as "READY=1".
func (n *notifier) send(state string) {
	if _, err := sd.SdNotify(false, state); err != nil {
		n.log.Warn("service manager does not listen", "err", err)
	}
}

// reloading says that the configuration is being read again; READY=1 follows.
func (n *notifier) reloading() {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // a clock that every Linux has
	n.send(fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", now.Nano()/1000))
}

// extendInterval is how often the service manager is asked for more time while
// models are loaded, and extension how much it is asked for.
const (
	extendInterval = 5 * time.Second
	extension      = 30 * time.Second
)

// extend asks the service manager for more time as long as progress grows, until
// ctx ends.
func (n *notifier) extend(ctx context.Context, progress func() int64) {
	ticker := time.NewTicker(extendInterval)
	defer ticker.Stop()
	for last := int64(-1); ; {
		if now := progress(); now != last {
			last = now
			n.send(fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d\nSTATUS=loading models", extension.Microseconds()))
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// setStatus passes on a line for people, if it has changed.
func (n *notifier) setStatus(status string) {
	if status != n.status {
		n.status = status
		n.send("STATUS=" + status)
	}
}

// heartbeat keeps the service manager informed until ctx ends: the status now
// and then, and if it runs a watchdog, a sign of life whenever alive returns
// nil within half the watchdog's time. A daemon that hangs in a step falls
// silent and is restarted. Without a service manager it returns at once: an idle
// daemon is not woken for nobody.
func (n *notifier) heartbeat(ctx context.Context, status func() string, alive func(context.Context) error) {
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return
	}
	interval, err := sd.SdWatchdogEnabled(false)
	if err != nil {
		n.log.Warn("watchdog is off", "err", err)
	}
	beat := statusInterval
	if interval > 0 {
		beat = min(beat, interval/2)
	}
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for {
		n.setStatus(status())
		if interval > 0 {
			n.beat(ctx, interval/2, alive)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// beat gives one sign of life, if there is one.
func (n *notifier) beat(ctx context.Context, timeout time.Duration, alive func(context.Context) error) {
	pingCtx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	switch err := alive(pingCtx); {
	case err == nil:
		n.send(sd.SdNotifyWatchdog)
	case ctx.Err() == nil:
		n.log.Error("no progress, the watchdog is not fed", "waited", timeout)
	}
}

package memory

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// trigger asks the kernel to tell when processes waited for memory for 150 ms
// within 2 s (PSI: https://docs.kernel.org/accounting/psi.html). Programs without
// privileges may use multiples of 2 s alone.
const trigger = "some 150000 2000000"

// Pressure tells when memory is short.
type Pressure struct {
	fd     int
	events int16 // of poll(2) that mean it
	wake   [2]int
	Source string // for people
}

// OpenPressure asks to be told: as MEMORY_PRESSURE_WATCH says if the service
// manager has set it, by the process's own control group, or by the machine.
// getenv is os.Getenv. It returns nil and no error if the service manager wants
// nothing of this.
func (s System) OpenPressure(getenv func(string) string) (*Pressure, error) {
	if path := getenv("MEMORY_PRESSURE_WATCH"); path != "" {
		if path == "/dev/null" {
			return nil, nil
		}
		write, err := base64.StdEncoding.DecodeString(getenv("MEMORY_PRESSURE_WRITE"))
		if err != nil {
			return nil, fmt.Errorf("MEMORY_PRESSURE_WRITE: %w", err)
		}
		return openPressure(path, write)
	}
	paths := []string{filepath.Join(s.Root, "proc/pressure/memory")}
	if groups, err := s.groups(); err == nil && len(groups) > 0 {
		paths = append([]string{filepath.Join(groups[0].folder, "memory.pressure")}, paths...)
	}
	var errs []error
	for _, path := range paths {
		p, err := openPressure(path, []byte(trigger+"\x00"))
		if err == nil {
			return p, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// openPressure opens a PSI file or a FIFO and writes what it needs.
func openPressure(path string, write []byte) (*Pressure, error) {
	p := &Pressure{fd: -1, events: unix.POLLPRI, wake: [2]int{-1, -1}, Source: path}
	err := p.open(path)
	if err == nil && len(write) > 0 {
		if _, err = unix.Write(p.fd, write); err != nil {
			err = &os.PathError{Op: "write", Path: path, Err: err}
		}
	}
	if err == nil {
		err = unix.Pipe2(p.wake[:], unix.O_CLOEXEC|unix.O_NONBLOCK)
	}
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (p *Pressure) open(path string) error {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return &os.PathError{Op: "stat", Path: path, Err: err}
	}
	if st.Mode&unix.S_IFMT == unix.S_IFIFO {
		p.events = unix.POLLIN
	}
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	p.fd = fd
	return nil
}

// Wait returns nil when memory is short, and the error of ctx when that ends
// first.
func (p *Pressure) Wait(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _, _ = unix.Write(p.wake[1], []byte{0}) })
	defer stop()
	for {
		fds := []unix.PollFd{{Fd: int32(p.fd), Events: p.events}, {Fd: int32(p.wake[0]), Events: unix.POLLIN}}
		_, err := unix.Poll(fds, -1)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return fmt.Errorf("poll %s: %w", p.Source, err)
		case fds[0].Revents&(unix.POLLERR|unix.POLLNVAL|unix.POLLHUP) != 0:
			return fmt.Errorf("%s tells no more", p.Source)
		case fds[0].Revents&p.events != 0:
			p.drain()
			return nil
		}
	}
}

// drain reads what a FIFO has said, so that it is not said again.
func (p *Pressure) drain() {
	if p.events != unix.POLLIN {
		return
	}
	var buf [256]byte
	for {
		fds := []unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}
		if n, err := unix.Poll(fds, 0); err != nil || n == 0 || fds[0].Revents&unix.POLLIN == 0 {
			return
		}
		if n, err := unix.Read(p.fd, buf[:]); err != nil || n == 0 {
			return
		}
	}
}

// Close ends the watch. Wait must have returned.
func (p *Pressure) Close() {
	for _, fd := range []int{p.fd, p.wake[0], p.wake[1]} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}

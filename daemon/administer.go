package daemon

import (
	"bytes"
	"context"
	"os"
	"strconv"
	"time"

	"inferd/daemon/admin"
	"inferd/daemon/auth"
	"inferd/daemon/memory"
	"inferd/daemon/private"
	"inferd/daemon/serve"
	"inferd/kernels"
	"inferd/runtime"
)

var _ admin.Service = (*daemon)(nil)

// Version is that of the program.
const Version = "0.2.0"

// Status implements admin.Service.
func (d *daemon) Status(ctx context.Context) admin.Status {
	s := admin.Status{
		Version:  Version,
		PID:      os.Getpid(),
		Uptime:   time.Since(d.started),
		Socket:   d.config.Load().Socket,
		Kernels:  kernels.Active(),
		Contract: kernels.ContractVersion,
		Threads:  runtime.ChooseThreads().N,
		Stopping: d.Stopping(),
		Privacy:  admin.Privacy{Overwrites: private.Overwrites(), Sealed: private.Sealed()},
		Memory:   d.memoryStatus(),
	}
	if n := d.config.Load().Threads; n > 0 {
		s.Threads = n
	}
	loaded := map[string]*model{}
	for _, r := range d.registry.current() {
		loaded[r.name] = r.model
	}
	for _, info := range d.Models(ctx) {
		s.Models = append(s.Models, d.modelStatus(info, loaded[info.Name]))
	}
	users, tallies := d.observer.byUser()
	kv := d.kvByUser()
	for i, u := range users {
		t := tallies[i]
		s.Users = append(s.Users, admin.User{UID: uint32(u), NRequests: t.nAnswers, NPrompt: t.nPrompt, NGenerated: t.nOut, KV: kv[userName(u)]})
	}
	return s
}

// kvByUser adds up what users have of the KV caches of all models.
func (d *daemon) kvByUser() map[string]admin.UserKV {
	all := map[string]admin.UserKV{}
	add := func(user string, kv admin.UserKV) {
		sum := all[user]
		all[user] = admin.UserKV{Used: sum.Used + kv.Used, Cached: sum.Cached + kv.Cached, Reserved: sum.Reserved + kv.Reserved}
	}
	for _, r := range d.registry.current() {
		pageBytes := int64(r.model.engine.kv().PageBytes)
		for _, l := range r.model.sched.Loads() {
			add(userName(l.User), admin.UserKV{Used: int64(l.NPages) * pageBytes, Reserved: int64(l.NReserved) * pageBytes})
		}
		for user, n := range r.model.engine.kvCached() {
			add(user, admin.UserKV{Cached: int64(n) * pageBytes})
		}
	}
	return all
}

func (d *daemon) memoryStatus() admin.Memory {
	m := admin.Memory{RSS: residentBytes()}
	m.Available, m.Source, _ = memory.System{Root: "/"}.Room() // 0 where nobody can tell
	for _, s := range d.registry.current() {
		m.Models += s.bytes
	}
	m.Limit = int64(d.config.Load().MemoryBudget)
	return m
}

// modelStatus describes a model; its second form is nil unless it is loaded.
func (d *daemon) modelStatus(info serve.Info, loaded *model) admin.Model {
	t := d.observer.of(info.Name)
	m := admin.Model{
		Name: info.Name, Aliases: info.Aliases, Architecture: info.Architecture, Quantisation: info.Quantisation,
		License: info.License, SHA256: info.SHA256, NParams: info.NParams, FileBytes: info.Bytes, Problem: info.Problem,
		Loaded: info.Loaded, Loading: info.Loading, MemoryBytes: info.MemoryBytes, Expires: info.Expires, NCtx: info.NCtx,
		NPrompt: t.nPrompt, NReused: t.nReused, NGenerated: t.nOut,
		NGuessed: t.nGuessed, NRight: t.nRight,
	}
	if loaded != nil {
		kv := loaded.engine.kv()
		m.Running, m.Waiting = loaded.sched.NRunning(), waiting(loaded)
		m.KVPages, m.KVUsed, m.KVCached = kv.NPages, kv.NPages-kv.NFree-kv.NEvictable, kv.NCached
	}
	return m
}

// Load implements admin.Service.
func (d *daemon) Load(ctx context.Context, name string) error {
	_, release, err := d.Find(ctx, serve.Want{Model: name})
	if err != nil {
		return err
	}
	release()
	return nil
}

// Unload implements admin.Service.
func (d *daemon) Unload(ctx context.Context, name string) error {
	own := d.resolve(serve.Want{Model: name})
	if _, known := d.known.Find(own); !known || !auth.GrantFrom(ctx).MayUse(own) {
		return serve.Unknown("model", name, d.Models(ctx))
	}
	d.registry.drop(own)
	return nil
}

// Reload implements admin.Service.
func (d *daemon) Reload(context.Context) error { return d.reconfigure() }

// Ready implements admin.Service.
func (d *daemon) Ready() error {
	if d.Stopping() {
		return serve.ErrStopping
	}
	return nil
}

// residentBytes is the resident memory of this process, 0 where nobody can tell.
func residentBytes() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(string(fields[1]), 10, 64)
	return pages * int64(os.Getpagesize())
}

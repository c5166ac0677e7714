package daemon

import (
	"context"
	"slices"
	"sync"

	"inferd/daemon/auth"
	"inferd/daemon/serve"
	"inferd/daemon/store"
)

// Find implements serve.Service.
func (d *daemon) Find(ctx context.Context, w serve.Want) (serve.Model, func(), error) {
	m, release, err := d.find(ctx, w)
	if err != nil {
		return nil, nil, err
	}
	return m, release, nil
}

func (d *daemon) find(ctx context.Context, w serve.Want) (*model, func(), error) {
	name := d.resolve(w)
	if grant := auth.GrantFrom(ctx); !grant.MayUse(name) {
		return nil, nil, forbidden(w.Model, grant)
	}
	s, err := d.registry.acquire(ctx, name, w.KeepAlive)
	if unknown, ok := err.(*serve.UnknownError); ok {
		err = serve.Unknown(unknown.What, w.Model, d.Models(ctx))
	}
	if err != nil {
		return nil, nil, err
	}
	m, err := s.model.with(w.Adapters)
	if err != nil {
		d.registry.leave(s)
		return nil, nil, err
	}
	return m, sync.OnceFunc(func() { d.registry.leave(s) }), nil
}

func forbidden(model string, grant auth.Grant) error {
	reason := "you have no grant for it"
	if grant.Contact != "" {
		reason += ", ask " + grant.Contact
	}
	return &serve.ForbiddenError{Model: model, Reason: reason}
}

// resolve returns the model's own name for what a request calls it: an alias for
// its endpoint goes before the name as such, and that before other aliases; those
// of the configuration go before those beside models.
func (d *daemon) resolve(w serve.Want) string {
	c := d.config.Load()
	here := w.Model + "@" + w.Endpoint
	if name := c.Aliases[here]; name != "" {
		return name
	}
	if _, ok := d.known.Find(w.Model); ok {
		return w.Model
	}
	if name := c.Aliases[w.Model]; name != "" {
		return name
	}
	for _, entry := range d.known.Entries() {
		if entry.Model != nil && (slices.Contains(entry.Model.Settings.Aliases, here) || slices.Contains(entry.Model.Settings.Aliases, w.Model)) {
			return entry.Name
		}
	}
	return w.Model
}

// Models implements serve.Service. Files that cannot be used are told to
// administrators only.
func (d *daemon) Models(ctx context.Context) []serve.Info {
	grant := auth.GrantFrom(ctx)
	c := d.config.Load()
	var list []serve.Info
	for _, entry := range d.known.Entries() {
		if !grant.MayUse(entry.Name) {
			continue
		}
		info := d.registry.describe(entry)
		if entry.Problem != nil && grant.Allows(auth.Administer) {
			info.Problem = entry.Problem.Error()
		} else if entry.Problem != nil && !info.Loaded {
			continue
		}
		for alias, name := range c.Aliases {
			if name == entry.Name {
				info.Aliases = append(slices.Clip(info.Aliases), alias)
			}
		}
		slices.Sort(info.Aliases)
		list = append(list, info)
	}
	return list
}

// describe returns what is known of a model, and what of it is in memory.
func (r *registry) describe(entry store.Entry) serve.Info {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.slots[entry.Name]
	info := serve.Info{Name: entry.Name}
	switch {
	case s != nil && s.model != nil:
		info = s.model.Info()
		info.MemoryBytes = s.bytes
		if s.keepAlive > 0 && s.nUsers == 0 {
			info.Expires = s.used.Add(s.keepAlive)
		}
	case entry.Model != nil:
		info = r.infos.of(entry.Model)
		info.Loading = s != nil
	}
	return info
}

// infoCache keeps descriptions of models that are not loaded: telling what a chat
// template can do takes milliseconds.
type infoCache struct {
	mu    sync.Mutex // guards infos
	infos map[string]cachedInfo
}

type cachedInfo struct {
	version *store.Model
	info    serve.Info
}

// of returns the description of a version of a model.
func (c *infoCache) of(v *store.Model) serve.Info {
	c.mu.Lock()
	defer c.mu.Unlock()
	cached := c.infos[v.Name]
	if cached.version != v {
		if c.infos == nil {
			c.infos = map[string]cachedInfo{}
		}
		cached = cachedInfo{v, infoOf(v)}
		c.infos[v.Name] = cached
	}
	cached.info.SHA256 = v.Sum()
	return cached.info
}

// drop forgets what no name stands for any more.
func (c *infoCache) drop(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.infos, name)
}

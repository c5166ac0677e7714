package auth

import (
	"context"
	"log/slog"
)

// Peer is the process at the other end of a connection, as the kernel
// reports it (SO_PEERCRED, see unix(7)).
type Peer struct {
	UID uint32
	GID uint32
	PID int32 // for logs only

	Groups []uint32 // supplementary groups

	// Unit is the systemd unit of the process, for logs only; empty where there is
	// none or it cannot be seen. A unit of a user's own manager has the manager's
	// unit and a slash before it, since the user names it: user@1000.service/x.service.
	Unit string
}

// LogValue implements slog.LogValuer.
func (p Peer) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.Uint64("uid", uint64(p.UID)),
		slog.Uint64("gid", uint64(p.GID)),
		slog.Int64("pid", int64(p.PID)),
	}
	if p.Unit != "" {
		attrs = append(attrs, slog.String("unit", p.Unit))
	}
	return slog.GroupValue(attrs...)
}

type (
	peerKey  struct{}
	grantKey struct{}
)

// WithPeer returns a context that carries the peer of a connection.
func WithPeer(ctx context.Context, p Peer) context.Context {
	return context.WithValue(ctx, peerKey{}, p)
}

// PeerFrom returns the peer that WithPeer stored; ok is false where none was.
func PeerFrom(ctx context.Context) (p Peer, ok bool) {
	p, ok = ctx.Value(peerKey{}).(Peer)
	return p, ok
}

// WithGrant returns a context that carries what its request may do.
func WithGrant(ctx context.Context, g Grant) context.Context {
	return context.WithValue(ctx, grantKey{}, g)
}

// GrantFrom returns the grant that WithGrant stored. Without one it returns
// the zero Grant, which allows nothing.
func GrantFrom(ctx context.Context) Grant {
	g, _ := ctx.Value(grantKey{}).(Grant)
	return g
}

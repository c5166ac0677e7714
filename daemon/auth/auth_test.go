package auth

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDefaultGrantsUsePerUID(t *testing.T) {
	alice := Default(Peer{UID: 1000, GID: 100, PID: 7})
	require.Equal(t, Grant{User: 1000, Allowed: ListModels | Generate}, alice)
	require.Equal(t, alice, Default(Peer{UID: 1000, GID: 999, PID: 8}),
		"neither group nor process makes another user")
	require.NotEqual(t, alice.User, Default(Peer{UID: 1001, GID: 100, PID: 7}).User)
}

func TestAllowsWantsEveryPermission(t *testing.T) {
	for _, test := range []struct {
		has, wants Permission
		allowed    bool
	}{
		{0, Generate, false},
		{0, 0, true},
		{ListModels, ListModels, true},
		{ListModels, Generate, false},
		{ListModels, ListModels | Generate, false},
		{ListModels | Generate, Generate, true},
	} {
		require.Equal(t, test.allowed, Grant{Allowed: test.has}.Allows(test.wants), "%+v", test)
	}
}

func TestContextWithoutGrantAllowsNothing(t *testing.T) {
	require.False(t, GrantFrom(context.Background()).Allows(ListModels))
	_, ok := PeerFrom(context.Background())
	require.False(t, ok)

	peer := Peer{UID: 3, GID: 4, PID: 5}
	ctx := WithGrant(WithPeer(context.Background(), peer), Default(peer))
	got, ok := PeerFrom(ctx)
	require.True(t, ok)
	require.Equal(t, peer, got)
	require.Equal(t, User(3), GrantFrom(ctx).User)
}

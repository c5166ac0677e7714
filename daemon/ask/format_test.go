package ask

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/daemon/auth"
)

// TestGrammarsAreKeptForTheirUser: few are kept, the ones used last, and what
// one user sends leaves no trace for another.
func TestGrammarsAreKeptForTheirUser(t *testing.T) {
	var c Grammars
	get := func(user auth.User, i int) any {
		g, err := c.Of(auth.WithGrant(t.Context(), auth.Grant{User: user}), GBNF("grammar", fmt.Sprintf(`root ::= "%d"`, i)))
		require.NoError(t, err)
		return g
	}
	first := get(1, 0)
	require.NotSame(t, first, get(2, 0))
	for i := range 3 * maxGrammars {
		get(1, i)
		require.Same(t, first, get(1, 0), "used all the time")
		require.LessOrEqual(t, len(c.kept), maxGrammars)
	}
	old := get(1, 1)
	for i := range maxGrammars {
		get(2, i)
	}
	require.NotSame(t, old, get(1, 1))
}

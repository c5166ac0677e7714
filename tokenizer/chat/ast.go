package chat

// Expressions and statements are small structs with an eval or exec method
// (eval.go, exec.go). Every node counts as one step when it runs.

type expr interface {
	eval(in *interp, s *scope) value
}

type stmt interface {
	exec(in *interp, s *scope) signal
}

// signal says how a statement ended.
type signal uint8

const (
	next signal = iota
	breakLoop
	continueLoop
)

type (
	literal  struct{ v value }
	nameExpr struct{ name string }
	listExpr struct {
		items []expr
		tuple bool
	}
	dictExpr struct{ keys, values []expr }
	unary    struct {
		op string // "-", "+", "not"
		x  expr
	}
	binary struct {
		op   string // + - * / // % **
		a, b expr
	}
	logical struct {
		and  bool
		a, b expr
	}
	concat  struct{ parts []expr }
	compare struct {
		first expr
		ops   []string // == != < <= > >= in "not in"
		rest  []expr
	}
	cond      struct{ test, yes, no expr } // no may be nil
	attribute struct {
		x    expr
		name string
	}
	subscript struct{ x, key expr }
	sliceExpr struct{ x, from, to, step expr } // bounds may be nil
	call      struct {
		f    expr
		args callArgs
	}
	filter struct {
		x    expr // nil in a filter block
		name string
		f    filterFunc
		args callArgs
	}
	testExpr struct {
		x    expr
		name string
		f    testFunc
		args callArgs
		not  bool
	}
	callArgs struct {
		pos      []expr
		names    []string
		kw       []expr
		star     expr // *args
		starStar expr // **kwargs
	}
)

type (
	dataStmt struct{ t text }
	print    struct{ x expr }
	ifStmt   struct {
		tests  []expr
		bodies [][]stmt
		orElse []stmt
	}
	forStmt struct {
		target    target
		iter      expr
		test      expr // may be nil
		body      []stmt
		orElse    []stmt
		recursive bool
	}
	setStmt struct {
		target target
		x      expr
	}
	setBlock struct {
		target  target
		filters []*filter
		body    []stmt
	}
	macroStmt struct {
		name     string
		params   []string
		defaults []expr // for the last len(defaults) params
		body     []stmt
		// whether the body takes arguments that params does not name
		readsVarargs, readsKwargs bool
	}
	callStmt struct {
		macro *macroStmt // the block's body, as caller()
		x     *call
	}
	filterStmt struct {
		filters []*filter
		body    []stmt
	}
	withStmt struct {
		targets []target
		values  []expr
		body    []stmt
	}
	groupStmt  struct{ body []stmt } // {% generation %}: passed through
	signalStmt struct{ s signal }
)

// target is what an assignment writes: a name, ns.attr, or a tuple of targets.
type target struct {
	name string
	attr string // not empty: name is a namespace
	many []target
}

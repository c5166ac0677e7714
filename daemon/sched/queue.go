package sched

import (
	"slices"

	"inferd/daemon/auth"
)

// queue holds the requests that are not running. Users take turns; within a
// user the order is first come, first served.
type queue struct {
	byUser map[auth.User][]*job
	turns  []auth.User // users with waiting requests, the next one first
	n      int
}

// push adds a new request at the end of its user's line.
func (q *queue) push(j *job) {
	if q.byUser == nil {
		q.byUser = map[auth.User][]*job{}
	}
	line := q.byUser[j.User]
	if len(line) == 0 {
		q.turns = append(q.turns, j.User)
	}
	q.byUser[j.User] = append(line, j)
	q.n++
}

// head returns the request whose turn it is, nil if none waits.
func (q *queue) head() *job {
	if len(q.turns) == 0 {
		return nil
	}
	return q.byUser[q.turns[0]][0]
}

// pop removes the head; its user goes to the end of the turns.
func (q *queue) pop() *job {
	j := q.head()
	user := q.turns[0]
	q.turns = append(q.turns[1:], user)
	q.remove(j)
	return j
}

// remove takes a request out, wherever it stands.
func (q *queue) remove(j *job) {
	line := without(q.byUser[j.User], j)
	q.n--
	if len(line) > 0 {
		q.byUser[j.User] = line
		return
	}
	delete(q.byUser, j.User)
	q.turns = without(q.turns, j.User)
}

// each calls f for every waiting request; f may remove it.
func (q *queue) each(f func(*job)) {
	for _, user := range slices.Clone(q.turns) {
		for _, j := range slices.Clone(q.byUser[user]) {
			f(j)
		}
	}
}

// without removes x from list, keeping the order, and forgets it.
func without[T comparable](list []T, x T) []T {
	if i := slices.Index(list, x); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}

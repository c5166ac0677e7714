// Package members reads the members of requests that several wire formats have
// in common, whatever else they differ in: functions that a model may call, the
// adapters it uses, and how long it stays loaded.
package members
